package oneroster

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/world"
)

// tally counts what a world holds, as OneRoster would.
func tally(w *world.World, schools ...*world.Roll) map[string]int {
	n, today := map[string]int{}, w.Today()
	for _, r := range schools {
		n["schools"]++
		n["demographics"] += len(r.People(world.Student))
		n["students"] += len(r.People(world.Student))
		for _, kind := range []world.Kind{world.Student, world.Staff, world.Contact} {
			n["users"] += len(r.People(kind))
			for _, p := range r.People(kind) {
				if kind == world.Staff && p.Teaching {
					n["teachers"]++
				}
				n["enrollments"] += len(p.Classes)
				if p.Registration != nil || kind == world.Student && p.State(today) == world.Future {
					n["enrollments"]++
				}
			}
		}
		subjects := map[string]bool{registrationCourse: true}
		for _, g := range r.Groups() {
			switch g.Kind {
			case world.Class:
				subjects[g.Subject] = true
				n["classes"]++
			case world.Registration:
				n["classes"]++
			}
		}
		n["courses"] += len(subjects)
	}
	n["academicSessions"], n["terms"], n["gradingPeriods"], n["orgs"] = 4, 3, 0, n["schools"]
	return n
}

// Each list holds what the world holds, each record once.
func TestListsEqualTheWorld(t *testing.T) {
	t.Parallel()
	b := over(t, still())
	token, id := b.school(0)
	one, _ := b.w.Roll(id)
	all := tally(b.w, b.w.Rolls()...)
	all["orgs"]++ // the district
	for _, who := range []struct {
		name, token string
		want        map[string]int
	}{{"district", b.token, all}, {"school", token, tally(b.w, one)}} {
		for _, v := range []Version{V11, V12} {
			t.Run(fmt.Sprint(who.name, v), func(t *testing.T) {
				t.Parallel()
				for path, want := range who.want {
					limit := 997 // a last page that is not full
					if want > 10000 {
						limit = 5000
					}
					col, _ := collectionAt(path)
					ids := map[string]bool{}
					rows := b.walk(who.token, v, fmt.Sprintf("/%s?limit=%d&fields=sourcedId", path, limit), col.key)
					for _, row := range rows {
						ids[text(row, "sourcedId")] = true
					}
					if len(rows) != want || len(ids) != want {
						t.Errorf("%s: %d records with %d ids, want %d", path, len(rows), len(ids), want)
					}
				}
			})
		}
	}
}

// Below each school is its part of the whole.
func TestRelationsOfSchools(t *testing.T) {
	t.Parallel()
	b := over(t, still())
	for _, r := range b.w.Rolls() {
		want := tally(b.w, r)
		for _, path := range []string{"courses", "classes", "students", "teachers", "terms", "enrollments"} {
			a := b.get(V11, fmt.Sprintf("/schools/%s/%s?limit=1", r.Site.ID, path))
			if got := a.header.Get("X-Total-Count"); got != fmt.Sprint(want[path]) {
				t.Errorf("%s of %s: %s, want %d", path, r.Site.DfE, got, want[path])
			}
		}
	}
}

// Below a class, a user, a course and a term is what the world says.
func TestOtherRelations(t *testing.T) {
	t.Parallel()
	b := over(t, still())
	roll := b.w.Rolls()[4]
	var class *world.Group
	for _, g := range roll.Groups() {
		if g.Kind == world.Class {
			class = g
		}
	}
	var students, teachers []string
	var pupil *world.Person
	for p, teacher := range roll.Members(class) {
		if teacher {
			teachers = append(teachers, p.ID.String())
			continue
		}
		students = append(students, p.ID.String())
		pupil = p
	}
	ids := func(path, key string) []string {
		var out []string
		for _, row := range b.walk(b.token, V12, path, key) {
			out = append(out, text(row, "sourcedId"))
		}
		return out
	}
	for _, prefix := range []string{"/classes/", fmt.Sprintf("/schools/%s/classes/", roll.Site.ID)} {
		if diff := cmp.Diff(students, ids(prefix+class.ID.String()+"/students", "users")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(teachers, ids(prefix+class.ID.String()+"/teachers", "users")); diff != "" {
			t.Error(diff)
		}
	}
	if got := ids(fmt.Sprintf("/schools/%s/classes/%s/enrollments", roll.Site.ID, class.ID), "enrollments"); len(got) != len(students)+len(teachers) {
		t.Errorf("%d enrolments of %d students and %d teachers", len(got), len(students), len(teachers))
	}
	for _, path := range []string{"students", "users"} {
		if got := ids("/"+path+"/"+pupil.ID.String()+"/classes", "classes"); len(got) != len(pupil.Classes)+1 {
			t.Errorf("%s: a pupil of %d classes and a registration group is in %d", path, len(pupil.Classes), len(got))
		}
	}
	course := text(b.get(V12, "/classes/"+class.ID.String()).json(t), "class", "course", "sourcedId")
	same := 0
	for _, g := range roll.Groups() {
		if g.Kind == world.Class && g.Subject == class.Subject {
			same++
		}
	}
	if got := ids("/courses/"+course+"/classes", "classes"); len(got) != same {
		t.Errorf("a course of %d classes has %d", same, len(got))
	}
	if got := ids("/terms/"+termIDs(roll.Year)[0].String()+"/classes", "classes"); len(got) != tally(b.w, b.w.Rolls()...)["classes"] {
		t.Errorf("a term has %d classes", len(got))
	}
	for _, path := range []string{
		"/teachers/" + pupil.ID.String(), "/schools/" + class.ID.String(), "/schools/" + roll.Site.ID.String() + "/users2", "/users/x", "/nothing",
		"/schools/" + b.w.Rolls()[0].Site.ID.String() + "/classes/" + class.ID.String() + "/students", "/classes/" + class.ID.String() + "/enrollments",
		"/users/" + class.ID.String(), "/classes/" + class.ID.String() + "/users", "/schools//students", "/users/" + pupil.ID.String() + "/classes/x",
	} {
		if a := b.get(V12, path); a.status != 404 || at(a.json(t), "imsx_CodeMinor", "imsx_codeMinorField", 0, "imsx_codeMinorFieldValue") != "unknownobject" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
