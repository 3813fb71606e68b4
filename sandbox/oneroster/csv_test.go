package oneroster

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/world"
)

func zipped(t *testing.T, w *world.World, v Version, o CSVOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteCSV(&b, w, v, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unzip returns the files' texts.
func unzip(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name] = string(text)
	}
	return out
}

// table reads a file into rows by column.
func rowsOf(t *testing.T, text string) []map[string]string {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, row := range all[1:] {
		m := map[string]string{}
		for i, name := range all[0] {
			m[name] = row[i]
		}
		out = append(out, m)
	}
	return out
}

// The digests change only when the generator or the files are meant to change.
func TestFilesAreRepeatable(t *testing.T) {
	t.Parallel()
	for v, want := range map[Version]string{
		V11: "0c70b0c4a7fd37c1b83496afeb510759",
		V12: "14fee5d9a6de7ca37bcc50cde71848c4",
	} {
		w, err := world.New(world.Options{Preset: "tiny", Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		data := zipped(t, w, v, CSVOptions{})
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:16]); got != want {
			t.Errorf("version %s: the digest is %s, want %s", v, got, want)
		}
		if !bytes.Equal(data, zipped(t, w, v, CSVOptions{})) {
			t.Errorf("version %s: the same call gave other bytes", v)
		}
	}
}

func TestHeadersAndManifest(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Options{Preset: "tiny", Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	const every = "sourcedId,status,dateLastModified,"
	shared := map[string]string{
		"orgs.csv":             every + "name,type,identifier,parentSourcedId",
		"academicSessions.csv": every + "title,type,startDate,endDate,parentSourcedId,schoolYear",
		"courses.csv":          every + "schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes",
		"classes.csv":          every + "title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods",
		"enrollments.csv":      every + "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate",
	}
	own := map[Version]map[string]string{
		V11: {
			"users.csv": every + "enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password,metadata.house",
		},
		V12: {
			"users.csv": every + "enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password," +
				"userMasterIdentifier,resourceSourcedIds,preferredGivenName,preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns,metadata.house",
			"roles.csv":        every + "userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId",
			"userProfiles.csv": every + "userSourcedId,profileType,vendorId,applicationId,description,credentialType,username,password",
		},
	}
	for v, more := range own {
		files := unzip(t, zipped(t, w, v, CSVOptions{}))
		for _, headers := range []map[string]string{shared, more} {
			for name, want := range headers {
				got, rest, _ := strings.Cut(files[name], "\r\n")
				if got != want || rest == "" {
					t.Errorf("%s %s:\n got %s\nwant %s", v, name, got, want)
				}
			}
		}
		said := map[string]string{}
		for _, row := range rowsOf(t, files["manifest.csv"]) {
			said[row["propertyName"]] = row["value"]
		}
		if said["manifest.version"] != "1.0" || said["oneroster.version"] != string(v) || said["file.results"] != "absent" {
			t.Errorf("the manifest says %v", said)
		}
		for name := range files {
			if base, _ := strings.CutSuffix(name, ".csv"); base != "manifest" && said["file."+base] != "bulk" {
				t.Errorf("the manifest says %q of %s", said["file."+base], name)
			}
		}
		for property, mode := range said {
			if name, ok := strings.CutPrefix(property, "file."); ok && (mode == "bulk") != (files[name+".csv"] != "") {
				t.Errorf("the manifest says %s of %s", mode, name)
			}
		}
	}
}

func TestFileForms(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Options{Preset: "tiny", Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	plain := unzip(t, zipped(t, w, V11, CSVOptions{}))
	for name, text := range plain {
		if strings.HasPrefix(text, bom) || strings.Count(text, "\n") != strings.Count(text, "\r\n") {
			t.Errorf("%s has a mark or bare line feeds", name)
		}
	}
	for name, text := range unzip(t, zipped(t, w, V11, CSVOptions{BOM: true, LF: true})) {
		if text != bom+strings.ReplaceAll(plain[name], "\r\n", "\n") {
			t.Errorf("%s differs in more than its form", name)
		}
	}
	for _, row := range rowsOf(t, unzip(t, zipped(t, w, V11, CSVOptions{LineBreaks: true}))["classes.csv"]) {
		if !strings.Contains(row["location"], "\n") {
			t.Errorf("the location is %q", row["location"])
		}
	}
	dir := t.TempDir()
	if err := WriteCSVFolder(dir, w, V11, CSVOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range plain {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s in a folder: %v", name, err)
		}
	}
	if err := WriteCSVFolder(filepath.Join(dir, "nothing"), w, V11, CSVOptions{}); err == nil {
		t.Error("a folder that does not exist was taken")
	}
	for name, o := range map[string]CSVOptions{
		"unknown school": {School: districtID(w)}, "unknown deviation": {Deviations: []string{"x"}}, "not of records": {Deviations: []string{"no-link"}},
	} {
		if err := WriteCSV(io.Discard, w, V11, o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := WriteCSV(io.Discard, w, "1.3", CSVOptions{}); err == nil {
		t.Error("version 1.3 was written")
	}
}

// both is what all three ways say of one person or enrolment.
type both struct{ users, enrolments, classes []string }

func (b *bench) overREST(v Version) (out both) {
	for _, u := range b.walk(b.token, v, "/users?limit=9000&"+filtered("status='active'"), "users") {
		role, org := text(u, "role"), text(u, "orgs", 0, "sourcedId")
		if v == V12 {
			role, org = text(u, "roles", 0, "role"), text(u, "roles", 0, "org", "sourcedId")
		}
		out.users = append(out.users, fmt.Sprint(text(u, "sourcedId"), text(u, "givenName"), "|", text(u, "familyName"), text(u, "email"), plainRole(role), org, at(u, "grades"), text(u, "metadata", "house")))
	}
	for _, e := range b.walk(b.token, v, "/enrollments?limit=9000", "enrollments") {
		out.enrolments = append(out.enrolments, fmt.Sprint(text(e, "sourcedId"), text(e, "user", "sourcedId"), text(e, "class", "sourcedId"), text(e, "school", "sourcedId"), text(e, "role"), text(e, "primary"), text(e, "beginDate")))
	}
	for _, c := range b.walk(b.token, v, "/classes?limit=9000", "classes") {
		out.classes = append(out.classes, fmt.Sprint(text(c, "sourcedId"), text(c, "title"), text(c, "classType"), text(c, "course", "sourcedId"), text(c, "school", "sourcedId"), at(c, "grades"), text(c, "terms", 2, "sourcedId")))
	}
	return out.sorted()
}

func (b both) sorted() both {
	for _, list := range [][]string{b.users, b.enrolments, b.classes} {
		slices.Sort(list)
	}
	return b
}

// plainRole undoes the one role that the versions name differently.
func plainRole(role string) string {
	return strings.Replace(role, "siteAdministrator", "administrator", 1)
}

func overFiles(t *testing.T, files map[string]string) (out both) {
	list := func(s string) string { return "[" + strings.ReplaceAll(s, ",", " ") + "]" }
	roles := map[string]map[string]string{}
	for _, r := range rowsOf(t, files["users.csv"]) {
		roles[r["sourcedId"]] = map[string]string{"role": r["role"], "orgSourcedId": r["orgSourcedIds"]}
	}
	if files["roles.csv"] != "" {
		for _, r := range rowsOf(t, files["roles.csv"]) {
			roles[r["userSourcedId"]] = r
		}
	}
	for _, u := range rowsOf(t, files["users.csv"]) {
		r := roles[u["sourcedId"]]
		out.users = append(out.users, fmt.Sprint(u["sourcedId"], u["givenName"], "|", u["familyName"], u["email"], plainRole(r["role"]), r["orgSourcedId"], list(u["grades"]), u["metadata.house"]))
	}
	for _, e := range rowsOf(t, files["enrollments.csv"]) {
		out.enrolments = append(out.enrolments, fmt.Sprint(e["sourcedId"], e["userSourcedId"], e["classSourcedId"], e["schoolSourcedId"], e["role"], e["primary"], e["beginDate"]))
	}
	for _, c := range rowsOf(t, files["classes.csv"]) {
		terms := strings.Split(c["termSourcedIds"], ",")
		out.classes = append(out.classes, fmt.Sprint(c["sourcedId"], c["title"], c["classType"], c["courseSourcedId"], c["schoolSourcedId"], list(c["grades"]), terms[2]))
	}
	return out.sorted()
}

// Both versions and both ways say the same of everybody who has not left.
func TestRESTAndFilesAgree(t *testing.T) {
	t.Parallel()
	b := setup(t, "primary")
	want := b.overREST(V11)
	if len(want.users) < 700 || len(want.enrolments) < 300 || len(want.classes) < 10 {
		t.Fatalf("%d users, %d enrolments", len(want.users), len(want.enrolments))
	}
	for name, got := range map[string]both{
		"1.2":       b.overREST(V12),
		"1.1 files": overFiles(t, unzip(t, zipped(t, b.w, V11, CSVOptions{}))),
		"1.2 files": overFiles(t, unzip(t, zipped(t, b.w, V12, CSVOptions{}))),
	} {
		for _, pair := range [][2][]string{{want.users, got.users}, {want.enrolments, got.enrolments}, {want.classes, got.classes}} {
			if !slices.Equal(pair[0], pair[1]) {
				t.Errorf("%s differs: %s", name, first(pair[0], pair[1]))
			}
		}
	}
}

// first is where two lists part.
func first(x, y []string) string {
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return cmp.Diff(x[i], y[i])
		}
	}
	return fmt.Sprintf("%d against %d", len(x), len(y))
}

func TestFilesOfOneSchool(t *testing.T) {
	t.Parallel()
	w := still()
	id := w.Sites()[2].ID
	files := unzip(t, zipped(t, w, V12, CSVOptions{School: id}))
	orgs := rowsOf(t, files["orgs.csv"])
	if len(orgs) != 1 || orgs[0]["sourcedId"] != id.String() || orgs[0]["identifier"] != w.Sites()[2].DfE {
		t.Errorf("the organisations are %v", orgs)
	}
	for _, site := range w.Sites() {
		for name, text := range files {
			if site.ID != id && strings.Contains(text, site.ID.String()) {
				t.Errorf("%s names school %s", name, site.DfE)
			}
		}
	}
	for _, row := range rowsOf(t, unzip(t, zipped(t, w, V11, CSVOptions{}))["orgs.csv"]) {
		if row["status"] != "" || row["dateLastModified"] != "" {
			t.Errorf("bulk rows have a status and a date: %v", row)
		}
	}
}

func TestDeviationsInFiles(t *testing.T) {
	t.Parallel()
	w := still()
	users := func(deviations ...string) []map[string]string {
		return rowsOf(t, unzip(t, zipped(t, w, V11, CSVOptions{Deviations: deviations}))["users.csv"])
	}
	count := func(rows []map[string]string, keep func(map[string]string) bool) (n int) {
		for _, r := range rows {
			if keep(r) {
				n++
			}
		}
		return n
	}
	leavers := 0
	for _, r := range w.Rolls() {
		leavers += r.Counts(w.Today()).Leavers
	}
	some := users("leavers-disabled", "secrets", "user-ids-master")
	if got := len(some) - len(users()); got != leavers {
		t.Errorf("%d leavers are disabled, want %d", got, leavers)
	}
	if got := count(users("inactive-status"), func(r map[string]string) bool { return r["status"] == "inactive" }); got != leavers {
		t.Errorf("%d users are inactive, want %d", got, leavers)
	}
	if got := count(some, func(r map[string]string) bool {
		return !strings.HasPrefix(r["password"], "canary-") || r["phone"] == ""
	}); got != 0 {
		t.Errorf("%d users have no password", got)
	}
	merged := count(users("merged-users"), func(r map[string]string) bool { return strings.Contains(r["orgSourcedIds"], ",") })
	if merged == 0 {
		t.Error("nobody is at two schools")
	}
	if got := count(some, func(r map[string]string) bool { return strings.HasPrefix(r["userIds"], "{master:") }); got < 2*merged {
		t.Errorf("%d users have a master id, want at least two for each of %d", got, merged)
	}
	houses := unzip(t, zipped(t, w, V11, CSVOptions{Deviations: []string{"houses-as-classes", "dangling", "last-years-classes"}}))
	if strings.Contains(houses["users.csv"], "metadata") || !strings.Contains(houses["classes.csv"], ",House ") {
		t.Error("houses are metadata still")
	}
	classes := map[string]bool{}
	for _, row := range rowsOf(t, houses["classes.csv"]) {
		classes[row["sourcedId"]] = true
	}
	unknown, ended := 0, 0
	for _, row := range rowsOf(t, houses["enrollments.csv"]) {
		if !classes[row["classSourcedId"]] {
			unknown++
		}
		if row["endDate"] == "2026-08-31" {
			ended++
		}
	}
	if unknown != 5 || ended == 0 {
		t.Errorf("%d enrolments of unknown classes, %d that ended last year", unknown, ended)
	}
}

func TestDownload(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny", "secrets", "no-link")
	get := func(query string) answer { return b.send(http.MethodGet, b.url+"/oneroster/csv"+query, "") }
	id := b.w.Sites()[0].ID
	for query, want := range map[string][]byte{
		"?version=1.1&deviation=no-email": zipped(t, b.w, V11, CSVOptions{Deviations: []string{"no-email"}}),
		"?version=1.2":                    zipped(t, b.w, V12, CSVOptions{Deviations: []string{"secrets"}}),
		"":                                zipped(t, b.w, V11, CSVOptions{Deviations: []string{"secrets"}}),
		"?version=1.1&bom=true&lf=true&school=" + id.String():     zipped(t, b.w, V11, CSVOptions{School: id, BOM: true, LF: true, Deviations: []string{"secrets"}}),
		"?linebreaks=true&deviation=dangling&deviation=grades-kg": zipped(t, b.w, V11, CSVOptions{LineBreaks: true, Deviations: []string{"dangling", "grades-kg"}}),
	} {
		if a := get(query); a.status != 200 || !bytes.Equal(a.body, want) || a.header.Get("Content-Type") != "application/zip" {
			t.Errorf("%s: %d, %d bytes, want %d", query, a.status, len(a.body), len(want))
		}
	}
	for _, query := range []string{"?version=2", "?school=x", "?deviation=x", "?school=" + b.s.District().ID.String()} {
		if a := get(query); a.status != 400 {
			t.Errorf("%s: %d", query, a.status)
		}
	}
	if a := b.send(http.MethodPost, b.url+"/oneroster/csv", ""); a.status != 405 {
		t.Errorf("POST: %d", a.status)
	}
}

func TestPageNamesEverything(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny", "limit-cap=9")
	a := b.send(http.MethodGet, b.url+"/oneroster/", "")
	page := string(a.body)
	for _, s := range Switches() {
		if !strings.Contains(page, "<code>"+string(s.Switch)+"</code>") {
			t.Errorf("%s is not on the page", s.Switch)
		}
	}
	for _, k := range FaultKinds() {
		if !strings.Contains(page, "<code>"+string(k)+"</code>") {
			t.Errorf("%s is not on the page", k)
		}
	}
	for _, text := range []string{b.url + root(V11), b.url + root(V12), "limit-cap=9", b.s.District().ClientID} {
		if !strings.Contains(page, text) {
			t.Errorf("%s is not on the page", text)
		}
	}
	if strings.Contains(page, b.s.District().ClientSecret.Reveal()) || strings.Contains(page, "<script") {
		t.Error("the page has the secret or a script")
	}
}
