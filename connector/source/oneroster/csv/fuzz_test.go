package csv

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/roster"
)

const (
	userHeader       = "sourcedId,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,email,grades,identifier"
	enrollmentHeader = "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate,status"
)

// FuzzUsers puts anything in the place of users.csv: what comes is a sound snapshot, or
// the files are refused.
func FuzzUsers(f *testing.F) {
	f.Add(userHeader + "\n")
	f.Add(userHeader + "\r\np7,true,ash,student,u,{UPN:1},\"a\nb\",B,a@b,7,\r\n")
	f.Add(userHeader + "\np7,true,ash,student,\"a,,A,B\n\n\"\"\n")
	f.Add("\xEF\xBB\xBF\"sourcedId\"\n\x00\n")
	f.Fuzz(func(t *testing.T, users string) { sound(t, fileUsers, users) })
}

// FuzzEnrollments does the same with enrollments.csv.
func FuzzEnrollments(f *testing.F) {
	f.Add(enrollmentHeader + "\r\n7a,ash,p7,student,x,0001-01-01,9999-12-31,")
	f.Add(enrollmentHeader + "\r7a,,p7,teacher,,,,odd\r")
	f.Add(enrollmentHeader + "\n,,,,,,,x\n\xff,ash,p7,,,,,\n")
	f.Fuzz(func(t *testing.T, enrollments string) { sound(t, fileEnrollments, enrollments) })
}

// FuzzManifest does the same with manifest.csv.
func FuzzManifest(f *testing.F) {
	f.Add("propertyName,value\noneroster.version,1.1\nfile.orgs,bulk\nfile.users,delta\n")
	f.Add("value,propertyName\n1.1,oneroster.version\nbulk,\" file.users\"")
	f.Fuzz(func(t *testing.T, manifest string) { sound(t, fileManifest, manifest) })
}

// exported are the files of testdata.
var exported = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, name := range fileNames() {
		text, err := os.ReadFile(filepath.Join("testdata", "v11", name+".csv"))
		if err == nil {
			out[name] = string(text)
		}
	}
	return out
})

// sound reads both schools with one file replaced.
func sound(t *testing.T, name, text string) {
	t.Helper()
	files := maps.Clone(exported())
	files[name] = text
	b := &bundle{open: map[string]func() (io.ReadCloser, error){}, limit: 1 << 20}
	for n, text := range files {
		b.open[n] = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	}
	want := source.Want{Kinds: []roster.Kind{roster.Student, roster.Staff}, Fields: []string{"email", "ageBand", "identifiers"}}
	m, err := readManifest(b, "")
	if err != nil {
		return
	}
	d, err := load(t.Context(), b, m, "files", "", needOf(want))
	if err != nil {
		return
	}
	for i := range d.sites {
		snap, err := d.snapshot(t.Context(), uint16(i), oneroster.Rules{}, want, time.Date(2026, 11, 2, 7, 0, 0, 0, time.UTC))
		if _, ok := errors.AsType[*source.Incomplete](err); err != nil && !ok {
			t.Fatalf("%T: %v", err, err)
		} else if err == nil {
			checkSound(t, snap)
		}
	}
}

func checkSound(t *testing.T, snap *roster.Snapshot) {
	t.Helper()
	people := map[string]bool{}
	for _, p := range snap.People {
		if p.ID == "" || p.Kind == "" || p.State == "" || people[p.ID] {
			t.Error("a person has no id, kind or state, or is there twice")
		}
		people[p.ID] = true
	}
	for _, m := range snap.Memberships {
		if !people[m.Person] {
			t.Error("a membership points nowhere")
		}
	}
}
