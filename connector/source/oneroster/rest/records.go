package rest

import "simscim/connector/source/oneroster"

// The records as the services send them, without what is of no use here: passwords,
// telephone numbers, addresses and the like are never decoded.

type rawOrg struct {
	ID         text `json:"sourcedId"`
	Status     text `json:"status"`
	Name       text `json:"name"`
	Type       text `json:"type"`
	Identifier text `json:"identifier"`
	Parent     ref  `json:"parent"`
}

func (r *rawOrg) record(n *notes) oneroster.Org {
	return oneroster.Org{
		ID: n.must("sourcedId", r.ID), Status: oneroster.Status(n.must("status", r.Status)), Name: n.may("name", r.Name),
		Type: n.must("type", r.Type), Identifier: n.may("identifier", r.Identifier), ParentID: n.mayRef("parent", r.Parent),
	}
}

type rawSession struct {
	ID         text `json:"sourcedId"`
	Status     text `json:"status"`
	Title      text `json:"title"`
	Type       text `json:"type"`
	Start      text `json:"startDate"`
	End        text `json:"endDate"`
	Parent     ref  `json:"parent"`
	SchoolYear text `json:"schoolYear"`
}

func (r *rawSession) record(n *notes) oneroster.Session {
	return oneroster.Session{
		ID: n.must("sourcedId", r.ID), Status: oneroster.Status(n.must("status", r.Status)), Title: n.may("title", r.Title),
		Type: n.may("type", r.Type), Start: n.day("startDate", r.Start), End: n.day("endDate", r.End),
		ParentID: n.mayRef("parent", r.Parent), SchoolYear: n.may("schoolYear", r.SchoolYear),
	}
}

type rawCourse struct {
	ID       text  `json:"sourcedId"`
	Status   text  `json:"status"`
	Title    text  `json:"title"`
	Code     text  `json:"courseCode"`
	Org      ref   `json:"org"`
	Grades   texts `json:"grades"`
	Subjects texts `json:"subjects"`
}

func (r *rawCourse) record(n *notes) oneroster.Course {
	return oneroster.Course{
		ID: n.must("sourcedId", r.ID), Status: oneroster.Status(n.must("status", r.Status)), Title: n.may("title", r.Title),
		Code: n.may("courseCode", r.Code), OrgID: n.mayRef("org", r.Org),
		Grades: n.mayList("grades", r.Grades), Subjects: n.mayList("subjects", r.Subjects),
	}
}

type rawClass struct {
	ID       text  `json:"sourcedId"`
	Status   text  `json:"status"`
	Title    text  `json:"title"`
	Code     text  `json:"classCode"`
	Type     text  `json:"classType"`
	Course   ref   `json:"course"`
	School   ref   `json:"school"`
	Terms    refs  `json:"terms"`
	Grades   texts `json:"grades"`
	Subjects texts `json:"subjects"`
}

func (r *rawClass) record(n *notes) oneroster.Class {
	if r.Terms.odd {
		n.warn("terms", "it is not a list of references")
	}
	return oneroster.Class{
		ID: n.must("sourcedId", r.ID), Status: oneroster.Status(n.must("status", r.Status)), Title: n.may("title", r.Title),
		Code: n.may("classCode", r.Code), Type: n.may("classType", r.Type), CourseID: n.mayRef("course", r.Course),
		SchoolID: n.mustRef("school", r.School), TermIDs: r.Terms.ids,
		Grades: n.mayList("grades", r.Grades), Subjects: n.mayList("subjects", r.Subjects),
	}
}

type rawEnrollment struct {
	ID      text `json:"sourcedId"`
	Status  text `json:"status"`
	Role    text `json:"role"`
	Primary text `json:"primary"`
	Begin   text `json:"beginDate"`
	End     text `json:"endDate"`
	User    ref  `json:"user"`
	Class   ref  `json:"class"`
	School  ref  `json:"school"`
}

func (r *rawEnrollment) record(n *notes) oneroster.Enrollment {
	e := oneroster.Enrollment{
		ID: n.must("sourcedId", r.ID), Status: oneroster.Status(n.must("status", r.Status)), Role: n.must("role", r.Role),
		Begin: n.day("beginDate", r.Begin), End: n.day("endDate", r.End),
		UserID: n.mustRef("user", r.User), ClassID: n.mustRef("class", r.Class), SchoolID: n.mustRef("school", r.School),
	}
	e.Primary, _ = n.flag("primary", r.Primary)
	return e
}

type rawDemographics struct {
	ID     text `json:"sourcedId"`
	Status text `json:"status"`
	Birth  text `json:"birthDate"`
}

type rawUserID struct {
	Type       text `json:"type"`
	Identifier text `json:"identifier"`
}

type rawRole struct {
	RoleType text `json:"roleType"`
	Role     text `json:"role"`
	Org      ref  `json:"org"`
	Begin    text `json:"beginDate"`
	End      text `json:"endDate"`
}

// rawUser holds the fields of both versions. Which are filled tells how to read it.
type rawUser struct {
	ID         text              `json:"sourcedId"`
	Status     text              `json:"status"`
	Enabled    text              `json:"enabledUser"`
	Username   text              `json:"username"`
	UserIDs    listOf[rawUserID] `json:"userIds"`
	Given      text              `json:"givenName"`
	Family     text              `json:"familyName"`
	Identifier text              `json:"identifier"`
	Email      text              `json:"email"`
	Grades     texts             `json:"grades"`
	Metadata   bag               `json:"metadata"`
	// Version 1.1.
	Role text `json:"role"`
	Orgs refs `json:"orgs"`
	// Version 1.2; the names on the right are those of its files, which some services
	// use in JSON too.
	// userProfiles are left out: their user names are those of other applications, and
	// their passwords too.
	Roles           listOf[rawRole] `json:"roles"`
	Master          text            `json:"userMasterIdentifier"`
	PreferredFirst  text            `json:"preferredFirstName"`
	PreferredGiven  text            `json:"preferredGivenName"`
	PreferredLast   text            `json:"preferredLastName"`
	PreferredFamily text            `json:"preferredFamilyName"`
	PrimaryOrg      ref             `json:"primaryOrg"`
}

// record makes the model's user. version says which of roles and role with orgs counts
// where a service sends both.
func (r *rawUser) record(n *notes, version, houseField string) oneroster.User {
	u := oneroster.User{
		ID: n.must("sourcedId", r.ID), Status: oneroster.Status(n.must("status", r.Status)),
		MasterID: n.may("userMasterIdentifier", r.Master), Username: n.may("username", r.Username),
		Email: n.may("email", r.Email), Identifier: n.may("identifier", r.Identifier),
		GivenName: n.must("givenName", r.Given), FamilyName: n.must("familyName", r.Family),
		PreferredGivenName:  n.may("preferredFirstName", either(r.PreferredFirst, r.PreferredGiven)),
		PreferredFamilyName: n.may("preferredLastName", either(r.PreferredLast, r.PreferredFamily)),
		PrimaryOrgID:        n.mayRef("primaryOrg", r.PrimaryOrg), Grades: n.mayList("grades", r.Grades),
		Metadata: r.Metadata.only(houseField), UserIDs: r.userIDs(n),
	}
	u.Enabled, u.EnabledKnown = n.flag("enabledUser", r.Enabled)
	single, several := r.singleRole(n), r.severalRoles(n)
	if u.Roles = single; len(several) > 0 && (version == Version12 || len(single) == 0) {
		u.Roles = several
	}
	return u
}

func either(a, b text) text {
	if a.s == "" && !a.odd {
		return b
	}
	return a
}

func (r *rawUser) userIDs(n *notes) map[string]string {
	if r.UserIDs.odd {
		n.warn("userIds", "it is not a list of ids")
	}
	var out map[string]string
	for _, id := range r.UserIDs.all {
		name, value := n.may("userIds", id.Type), n.may("userIds", id.Identifier)
		if name == "" || value == "" {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = value
	}
	return out
}

// singleRole is 1.1's one role, held at each of the orgs.
func (r *rawUser) singleRole(n *notes) (out []oneroster.UserRole) {
	role := n.must("role", r.Role)
	if r.Orgs.odd {
		n.fail("orgs", "is not a list of references")
	}
	if role == "" {
		return nil
	}
	for _, org := range r.Orgs.ids {
		out = append(out, oneroster.UserRole{Role: role, OrgID: org, Primary: true})
	}
	return out
}

// severalRoles are 1.2's. A record with one that cannot be read is of no use: it would
// look as if the person had lost that role.
func (r *rawUser) severalRoles(n *notes) (out []oneroster.UserRole) {
	if r.Roles.odd {
		n.fail("roles", "is not a list of roles")
	}
	for _, role := range r.Roles.all {
		kind := n.may("roleType", role.RoleType)
		out = append(out, oneroster.UserRole{
			Role: n.must("role", role.Role), OrgID: n.mustRef("org of a role", role.Org), Primary: kind == "" || kind == "primary",
			Begin: n.day("beginDate", role.Begin), End: n.day("endDate", role.End),
		})
	}
	return out
}
