// Package oneroster works out one school's roll from OneRoster records. Versions 1.1
// and 1.2, REST and CSV alike, are read into the one record model below; a Deriver
// then makes a roster.Snapshot of it. It owns what OneRoster has no place for, and so
// must be inferred: registration groups, year groups, houses, leavers and future
// starters.
//
// It never opens a file or a connection, and knows of no clock but the one in its
// rules. Passwords, phone numbers and addresses have no place in the model: who decodes
// into it has already dropped them.
//
// A record that cannot be used is set aside with a reason; an optional value that
// cannot be used is dropped with a warning. Both are counted, neither holds a value.
package oneroster

import "time"

// Status is the life of a record: "active", "tobedeleted" (both versions), "inactive"
// (seen in the wild), or what else the source says. Files in bulk mode leave it empty,
// which means active.
type Status string

// The statuses that decide something.
const (
	Active      Status = "active"
	ToBeDeleted Status = "tobedeleted"
	Inactive    Status = "inactive"
)

// Org is a school, or something above or inside one. Only type "school" is a site.
type Org struct {
	ID, Name string
	// Type is department, school, district, local, state or national.
	Type string
	// Identifier of a school is its public number: the DfE number in England.
	Identifier string
	ParentID   string
	Status     Status
}

// Session is a school year, a term, a semester or a grading period.
type Session struct {
	ID, Title string
	// Type is schoolYear, term, semester or gradingPeriod.
	Type     string
	ParentID string
	// SchoolYear is the calendar year in which the school year ends, as text.
	SchoolYear string
	// Start and End are days; End is the first day after it in the standard's words, but
	// sources mean the last day in it, and so do we.
	Start, End time.Time
	Status     Status
}

// Course is what classes are lessons of. Only its subjects are of use here.
type Course struct {
	ID, Title, Code, OrgID string
	Grades, Subjects       []string
	Status                 Status
}

// Class is a teaching group, a registration group or a primary class, a homeroom being
// one of the latter two.
type Class struct {
	ID, Title, Code string
	// Type is homeroom or scheduled, or what a source added to these.
	Type                      string
	CourseID, SchoolID        string
	Grades, Subjects, TermIDs []string
	Status                    Status
	Metadata                  map[string]string
}

// UserRole is what a person is at one school or other organisation.
type UserRole struct {
	Role, OrgID string
	// Primary is 1.2's roleType; in 1.1 every role is primary.
	Primary    bool
	Begin, End time.Time
}

// User is one record of a person. In 1.1 somebody with two roles has two records, with
// ids of their own; they stay two.
type User struct {
	ID string
	// MasterID is 1.2's userMasterIdentifier.
	MasterID                                string
	Username, Email, Identifier             string
	GivenName, FamilyName                   string
	PreferredGivenName, PreferredFamilyName string
	// Enabled is enabledUser; EnabledKnown is false where the source says nothing.
	Enabled, EnabledKnown bool
	// Roles in 1.1 are the one role at each of the orgs.
	Roles        []UserRole
	PrimaryOrgID string
	Grades       []string
	// UserIDs are further ids by type.
	UserIDs  map[string]string
	Metadata map[string]string
	// BirthDate comes from demographics, and only where a rule needs it.
	BirthDate time.Time
	Status    Status
}

// Enrollment puts a user into a class.
type Enrollment struct {
	ID, UserID, ClassID, SchoolID string
	// Role is student, teacher, administrator, aide or proctor.
	Role       string
	Primary    bool
	Begin, End time.Time
	Status     Status
}

// Rules are what the administrator says of one source.
type Rules struct {
	// Grades turns the source's grades into year groups, such as KG to R. What it does not
	// name is read as schools write it: 01 is Year 1, R is Reception.
	Grades map[string]string
	// HouseMetadata is the name of the metadata field of a user that holds the house.
	HouseMetadata string
	// HouseClasses is a pattern over class titles: those that match are houses, not
	// teaching groups. * and ? stand for any letters; with one *, as in "House *", the
	// house is called what the * stands for.
	HouseClasses string
	// Today is the day of the read at the school, at midnight UTC.
	Today func() time.Time
}
