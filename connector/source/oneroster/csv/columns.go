package csv

// The columns that we use of each file, in the order in which their values come out of
// it. Passwords, phone numbers, agents and whatever else a file may hold are not among
// them.

// column is one that we use. Its place in the file does not matter.
type column struct {
	name     string
	required bool
}

func must(names ...string) []column { return columns(true, names) }
func may(names ...string) []column  { return columns(false, names) }

func columns(required bool, names []string) []column {
	out := make([]column, len(names))
	for i, n := range names {
		out[i] = column{n, required}
	}
	return out
}

func orgColumns() []column {
	return append(must("sourcedId", "name", "type"), may("identifier", "status")...)
}

func sessionColumns() []column {
	return append(must("sourcedId", "type", "startDate", "endDate"), may("parentSourcedId", "status")...)
}

func courseColumns() []column { return append(must("sourcedId"), may("subjects")...) }

// Classes are kept as they stand, and read again for their school.
const (
	classID = iota
	classTitle
	classType
	classSchool
	classTerms
	classGrades
	classCourse
	classCode
	classSubjects
	classStatus
	classValues
)

func classColumns() []column {
	return append(must("sourcedId", "title", "classType", "schoolSourcedId", "termSourcedIds"),
		may("grades", "courseSourcedId", "classCode", "subjects", "status")...)
}

func roleColumns() []column {
	return append(must("userSourcedId", "role", "orgSourcedId"), may("roleType", "beginDate", "endDate", "status")...)
}

// userColumns: what a rule uses must be there, or everybody's would seem to be gone.
func userColumns(old bool, n need, house string) []column {
	return []column{
		{"sourcedId", true},
		{"status", false},
		{"enabledUser", true},
		{"givenName", true},
		{"familyName", true},
		{"preferredGivenName", false},
		{"preferredFamilyName", false},
		{"grades", true},
		{"username", n.username},
		{"email", n.email},
		{"identifier", n.types["identifier"]},
		{"userMasterIdentifier", false},
		{"userIds", false},
		{"metadata." + house, house != ""},
		{"orgSourcedIds", old},
		{"role", old},
	}
}

func birthColumns() []column { return must("sourcedId", "birthDate") }

func enrollmentColumns() []column {
	return append(must("classSourcedId", "userSourcedId", "role"), may("schoolSourcedId", "primary", "beginDate", "endDate", "status")...)
}
