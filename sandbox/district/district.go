// Package district writes OneRoster files of a whole made-up district, as large as one
// likes and the same every time: for measuring, and for tests of size. It knows no school
// of the dummy world, whose people are drawn one by one.
package district

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// Files describe a district in OneRoster files, the same every time. Users and
// enrolments are spread evenly over the schools.
type Files struct{ Schools, Users, Enrolments int }

const (
	classesPerSchool = 300
	courses          = 20
	terms            = 3 // the school year and two terms
)

// Rows are all records; headers and the manifest do not count.
func (f Files) Rows() int {
	return 1 + f.Schools*(1+classesPerSchool) + terms + courses + f.Users + f.Enrolments
}

// id is the sourcedId of the nth record of a kind.
func id(kind, n int) string {
	x := uint64(n)*0x9E3779B97F4A7C15 + uint64(kind)*0xD1B54A32D192ED03
	x ^= x >> 29
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(x>>32), uint16(x>>16), uint16(x)&0xFFF, kind, n)
}

// School is the sourcedId of the nth school.
func School(n int) string { return id(schoolOf, n) }

// Kinds of records, for their ids.
const (
	districtOf = iota
	schoolOf
	sessionOf
	courseOf
	classOf
	userOf
	enrolmentOf
)

// Write makes the zip, version 1.1.
func (f Files) Write(path string) (err error) {
	out, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the district: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	z := zip.NewWriter(out)
	for _, table := range []struct {
		name, header string
		rows         func(io.Writer)
	}{
		{"manifest", "propertyName,value", manifest},
		{"orgs", "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId", f.orgs},
		{"academicSessions", "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear", sessions},
		{"courses", "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes", subjects},
		{"classes", "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId," +
			"termSourcedIds,subjects,subjectCodes,periods", f.classes},
		{"users", "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName," +
			"identifier,email,sms,phone,agentSourcedIds,grades,password", f.users},
		{"enrollments", "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate", f.enrolments},
	} {
		w, err := z.Create(table.name + ".csv")
		if err != nil {
			return fmt.Errorf("write the district: %w", err)
		}
		b := bufio.NewWriterSize(w, 1<<16) // it keeps the first error of all writes
		_, _ = fmt.Fprint(b, table.header, "\r\n")
		table.rows(b)
		if err := b.Flush(); err != nil {
			return fmt.Errorf("write %s.csv: %w", table.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write the district: %w", err)
	}
	return nil
}

func line(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\r\n", args...) }

func manifest(w io.Writer) {
	line(w, "manifest.version,1.0\r\noneroster.version,1.1\r\nfile.demographics,absent")
	for _, name := range []string{"orgs", "academicSessions", "courses", "classes", "users", "enrollments"} {
		line(w, "file.%s,bulk", name)
	}
}

func (f Files) orgs(w io.Writer) {
	line(w, "%s,,,The Trust,district,,", id(districtOf, 0))
	for i := range f.Schools {
		line(w, "%s,,,School %d,school,%07d,%s", id(schoolOf, i), i, 9000000+i, id(districtOf, 0))
	}
}

func sessions(w io.Writer) {
	year := id(sessionOf, 0)
	line(w, "%s,,,2026/27,schoolYear,2026-09-01,2027-08-31,,2027", year)
	line(w, "%s,,,Autumn,term,2026-09-01,2026-12-18,%s,2027", id(sessionOf, 1), year)
	line(w, "%s,,,Spring,term,2027-01-05,2027-03-26,%s,2027", id(sessionOf, 2), year)
}

func subjects(w io.Writer) {
	for i := range courses {
		line(w, "%s,,,,Course %d,C%d,,,Subject %d,", id(courseOf, i), i, i, i)
	}
}

func (f Files) classes(w io.Writer) {
	for i := range f.Schools * classesPerSchool {
		line(w, `%s,,,%dx/Ma%d,%02d,%s,,scheduled,Room 1,%s,"%s,%s",,,`, id(classOf, i), 7+i%5, i%classesPerSchool, 7+i%5, id(courseOf, i%courses),
			id(schoolOf, i/classesPerSchool), id(sessionOf, 1), id(sessionOf, 2))
	}
}

// teaches: one of ten people of each school is a teacher.
func (f Files) teaches(user int) bool { return user/f.Schools%10 == 9 }

func (f Files) users(w io.Writer) {
	for i := range f.Users {
		role, grade := "student", fmt.Sprintf("%02d", 7+i/f.Schools%5)
		if f.teaches(i) {
			role, grade = "teacher", ""
		}
		line(w, `%s,,,true,%s,%s,user%d,{UPN:A%d},Given%d,"Family, %d",,%d,user%d@district.example,0,0,,%s,secret`,
			id(userOf, i), id(schoolOf, i%f.Schools), role, i, i, i%1000, i, i, i, grade)
	}
}

// enrolments put each user into different classes of their school.
func (f Files) enrolments(w io.Writer) {
	for i := range f.Enrolments {
		user := i % f.Users
		school := user % f.Schools
		class := school*classesPerSchool + (i/f.Users*37+user/f.Schools)%classesPerSchool
		role := "student"
		if f.teaches(user) {
			role = "teacher"
		}
		line(w, "%s,,,%s,%s,%s,%s,true,2026-09-01,", id(enrolmentOf, i), id(classOf, class), id(schoolOf, school), id(userOf, user), role)
	}
}
