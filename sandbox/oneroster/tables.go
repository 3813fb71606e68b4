package oneroster

import "strings"

// table is one file of the CSV binding.
type table struct {
	name, header string
	kind         kind
	// below names the field of the record whose elements are the rows, if not the record.
	below string
}

// every begins each header.
const every = "sourcedId,status,dateLastModified,"

// tables are the files that the sandbox writes, in the order of their names.
func tables(v Version) []table {
	shared := []table{
		{"academicSessions", every + "title,type,startDate,endDate,parentSourcedId,schoolYear", sessionKind, ""},
		{"classes", every + "title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods", classKind, ""},
		{"courses", every + "schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes", courseKind, ""},
		{"demographics", every + "birthDate,sex,americanIndianOrAlaskaNative,asian,blackOrAfricanAmerican,nativeHawaiianOrOtherPacificIslander,white," +
			"demographicRaceTwoOrMoreRaces,hispanicOrLatinoEthnicity,countryOfBirthCode,stateOfBirthAbbreviation,cityOfBirth,publicSchoolResidenceStatus", demographicsKind, ""},
		{"enrollments", every + "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate", enrolmentKind, ""},
		{"orgs", every + "name,type,identifier,parentSourcedId", orgKind, ""},
	}
	if v == V11 {
		return append(shared, table{"users", every + "enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier," +
			"email,sms,phone,agentSourcedIds,grades,password", userKind, ""})
	}
	return append(shared,
		table{"roles", every + "userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId", userKind, "roles"},
		table{"userProfiles", every + "userSourcedId,profileType,vendorId,applicationId,description,credentialType,username,password", userKind, "userProfiles"},
		table{"users", every + "enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades," +
			"password,userMasterIdentifier,resourceSourcedIds,preferredGivenName,preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns", userKind, ""},
	)
}

// fileNames are all files that a manifest names, written or not.
func fileNames(v Version) []string {
	if v == V11 {
		return strings.Fields("academicSessions categories classes classResources courses courseResources demographics enrollments lineItems orgs resources results users")
	}
	return strings.Fields("academicSessions categories classes classResources courses courseResources demographics enrollments " +
		"lineItemLearningObjectiveIds lineItems lineItemScoreScales orgs resources resultLearningObjectiveIds results resultScoreScales " +
		"roles scoreScales userProfiles userResources users")
}
