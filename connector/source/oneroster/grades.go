package oneroster

import (
	"fmt"
	"strings"

	"simscim/roster"
)

// grades turns a source's grades into year groups. There are two readings of the
// standard's American words that differ by one year (KG as Reception, or as Year 1), so
// KG, TK and the like mean nothing unless the administrator says what.
type grades map[string]string

// newGrades takes the table of the configuration. An empty value means that the grade is
// known to be none of the year groups.
func newGrades(table map[string]string) (grades, error) {
	g := grades{}
	for grade, year := range table {
		if strings.TrimSpace(year) == "" {
			g[foldGrade(grade)] = ""
			continue
		}
		n := roster.NormaliseYear(year)
		if _, ok := roster.YearNumber(n); !ok {
			return nil, fmt.Errorf("grade %q: %q is not a year group; those are N1, N2, R and 1 to 14", grade, year)
		}
		key := foldGrade(grade)
		if before, twice := g[key]; twice && before != n {
			return nil, fmt.Errorf("grade %q stands for two year groups", grade)
		}
		g[key] = n
	}
	return g, nil
}

func foldGrade(s string) string { return strings.ToUpper(strings.TrimSpace(s)) }

// american are the grades of the standard that are no year group by themselves. Only
// these are ever repeated in a reason: anything else could be anything.
const american = " IT PR PK TK KG PS UG OTHER "

// year reads one grade. why is the reason where the grade says nothing.
func (g grades) year(grade string) (year, why string) {
	key := foldGrade(grade)
	if key == "" {
		return "", ""
	}
	if year, told := g[key]; told {
		return year, ""
	}
	year = roster.NormaliseYear(key)
	if _, ok := roster.YearNumber(year); ok {
		return year, ""
	}
	if strings.Contains(american, " "+key+" ") {
		return "", "the grade " + key + " is no year group unless the configuration says which"
	}
	return "", "the grade is not known"
}

// one reads all grades of a record that should have one. Several different year groups
// are as good as none: which is right cannot be known.
func (g grades) one(list []string) (year string, why []string) {
	for _, grade := range list {
		y, problem := g.year(grade)
		switch {
		case problem != "":
			why = append(why, problem)
		case y == "" || y == year:
		case year == "":
			year = y
		default:
			return "", append(why, severalYears)
		}
	}
	return year, why
}

const severalYears = "the grades name several year groups"

// yearName is the name of a year group that a source has no group for.
func yearName(year string) string {
	if year == "R" {
		return "Reception"
	}
	return "Year " + year
}

// ageBand gives the band of an age in years, in the words of the provisioning API.
func ageBand(age int) string {
	switch {
	case age < 5:
		return "<5"
	case age < 7:
		return "5-7"
	case age < 11:
		return "7-11"
	case age < 13:
		return "11-13"
	case age < 16:
		return "13-16"
	default:
		return ">16"
	}
}
