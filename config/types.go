// Package config reads the configuration: strict YAML, every problem reported at
// once with file, line and column, secrets by reference only. It knows the shape of
// the configuration and what may stand where; what the rules inside a mapping mean
// is the mapper's business.
//
// The doc comments and tags of the types below are the configuration reference:
// docs/configuration.md and the JSON schema are generated from them.
package config

import (
	"time"

	"simscim/internal/secret"
)

// Config is the whole configuration.
type Config struct {
	// Version of this format.
	Version int `yaml:"version" enum:"1" required:"true"`
	// Store is where simscim remembers what it has confirmed at each target.
	Store Store `yaml:"store"`
	// Sources are the places to read schools from, by a name of your choice.
	Sources map[string]*Source `yaml:"sources" required:"true" names:"name"`
	// Targets are the identity provider instances to write to, by a name of your choice.
	Targets map[string]*Target `yaml:"targets" required:"true" names:"name"`
	// Mappings are sets of rules, by a name of your choice.
	Mappings map[string]*Mapping `yaml:"mappings" required:"true" names:"name"`
	// Sites says for each school what to do. The first entry that matches a school wins;
	// a school that none matches is reported and left alone.
	Sites []*Site `yaml:"sites" required:"true"`
	// Safeguards are the limits that hold a plan until somebody approves it, by what
	// is counted. A site's plan that goes over any of them is held whole. One that is
	// not named here keeps its default.
	Safeguards Safeguards `yaml:"safeguards" keys:"adoptUsers|createUsers|updateUsers|renameUsers|suspendUsers|deleteUsers|adoptGroups|createGroups|deleteGroups|removeMembers"`
	// Windows are times with limits of their own, by a name of your choice, such as
	// september for the roll-over. One is in force only where --window names it.
	Windows map[string]*Window `yaml:"windows" names:"name"`
	// Leavers says how people leave: in steps, never at once.
	Leavers Leavers `yaml:"leavers"`
	// Escrow is where an object waits that could not be written.
	Escrow Escrow `yaml:"escrow"`
	// Quarantine is for a target that keeps failing.
	Quarantine Quarantine `yaml:"quarantine"`
	// Drift is how often a target is read back and compared.
	Drift Drift `yaml:"drift"`
	// Notices tell people what needs them. None of them holds personal data.
	Notices []*Notice `yaml:"notices"`
	// Run is for the daemon, `simscim run`.
	Run Run `yaml:"run"`

	// entries are the effective values of each of Sites, in the same order; where
	// tells the place of every key that was given. Loading fills both.
	entries []*SiteConfig
	where   map[string]Pos
}

// Store is where simscim remembers what it has confirmed.
type Store struct {
	// DSN of the database: "file:" and a path, for SQLite.
	DSN string `yaml:"dsn" default:"file:simscim.db" format:"dsn"`
	// Key is the secret under which fingerprints and pseudonyms are made. Without it
	// one is made at first use and kept in the store itself.
	Key secret.Ref `yaml:"key"`
}

// Source is one place to read schools from.
type Source struct {
	// Type of the source: SIMS ID, any OneRoster service, or OneRoster files.
	Type string `yaml:"type" enum:"sims-id|oneroster|oneroster-csv" required:"true"`
	// Environment picks the hosts: the live service, the partner platform with dummy
	// data, the sandbox on this machine (http://127.0.0.1:8467), or custom, which takes
	// the URLs below: sts and provisioning always, management together with vendor.
	Environment string `yaml:"environment" enum:"live|partner|sandbox|custom" default:"live"`
	// STS is the base URL of the token service (custom only).
	STS string `yaml:"sts" format:"url"`
	// Provisioning is the base URL of the provisioning API (custom only).
	Provisioning string `yaml:"provisioning" format:"url"`
	// OneRoster is the base URL of the OneRoster API (custom only).
	OneRoster string `yaml:"oneroster" format:"url"`
	// Management is the base URL of the vendor management API (custom only).
	Management string `yaml:"management" format:"url"`
	// API is the way to read the schools of SIMS ID.
	API string `yaml:"api" enum:"provisioning|oneroster" default:"provisioning"`
	// Contract is a file that describes the paths, paging and field names of the
	// provisioning API. The vendor does not publish them: the built-in contract is
	// unverified against the live service.
	Contract string `yaml:"contract"`
	// Vendor finds the schools, and their credentials, by vendor management. A source
	// has either vendor or credentials.
	Vendor *Vendor `yaml:"vendor"`
	// Credentials lists the schools one by one, for use without vendor management.
	Credentials []*Credential `yaml:"credentials"`
	// Scope asked for in a school's token.
	Scope string `yaml:"scope" default:"partner organisation onerosterapi rapapi"`
	// URL is the root of a OneRoster service, the one below which /orgs stands, such as
	// https://sis.example/ims/oneroster/v1p1.
	URL string `yaml:"url" format:"url"`
	// Version of OneRoster that the service speaks. Files say it themselves.
	Version string `yaml:"version" enum:"1.1|1.2" default:"1.1"`
	// Auth is how to sign in to a OneRoster service.
	Auth *SourceAuth `yaml:"auth"`
	// Path of OneRoster files: a zip or a folder.
	Path string `yaml:"path"`
	// Derive says how to work out what OneRoster has no place for.
	Derive Derive `yaml:"derive"`
	// Delta saves full reads of schools in which nothing has changed.
	Delta Delta `yaml:"delta"`
	// Links is a CSV file by which the administrator says who is one person across
	// schools: lines of a source id and a link of your choice. Rules see the link as
	// person.identifiers.link.
	Links string `yaml:"links"`
	// SetAside limits how many records of one read may be set aside because they cannot
	// be used; with more, the read does not count as complete and the school is skipped.
	SetAside SetAsideLimit `yaml:"setAside"`
	// MayShrink is how much smaller a school may be than when it was last read whole;
	// with less, the read does not count as complete and the school is skipped.
	MayShrink Shrink `yaml:"mayShrink"`
	// Limits on calls to this source, shared by all of its schools.
	Limits Limits `yaml:"limits" defaults:"perSecond=5 inFlight=4"`

	// Name is the key under which the source stands in the configuration.
	Name string `yaml:"-"`
	// At is where it stands.
	At Pos `yaml:"-"`
}

// SourceAuth is how to sign in to a OneRoster service.
type SourceAuth struct {
	// Type of sign-in: OAuth 2 client credentials, OAuth 1.0a without a token, or a token.
	Type string `yaml:"type" enum:"oauth2|oauth1|bearer" required:"true"`
	// Token for bearer.
	Token secret.Ref `yaml:"token"`
	// TokenURL for oauth2.
	TokenURL string `yaml:"tokenURL" format:"url"`
	// ClientID for oauth2, the consumer key for oauth1.
	ClientID secret.Ref `yaml:"clientID"`
	// ClientSecret for oauth2, the consumer secret for oauth1.
	ClientSecret secret.Ref `yaml:"clientSecret"`
	// Scope for oauth2, separated by blanks. Without it the read-only rostering scopes of
	// the version are asked for.
	Scope string `yaml:"scope"`
	// Style is where oauth2 puts the client's id and secret.
	Style string `yaml:"style" enum:"basic|body" default:"basic"`
	// Signature is the method of oauth1.
	Signature string `yaml:"signature" enum:"HMAC-SHA1|HMAC-SHA256" default:"HMAC-SHA256"`
}

// Derive says how to work out what OneRoster has no place for.
type Derive struct {
	// Grades turns the source's grades into year groups, such as KG: R. What it does not
	// name is read as schools write it: 01 is Year 1, R is Reception.
	Grades map[string]string `yaml:"grades"`
	// HouseMetadata is the name of the metadata field of a user that holds the house.
	HouseMetadata string `yaml:"houseMetadata"`
	// HouseClasses is a pattern over class titles: classes that match it are houses, not
	// teaching groups. * and ? stand for any letters.
	HouseClasses string `yaml:"houseClasses"`
}

// Delta saves full reads, where a OneRoster source tells when its records changed. A
// school is read whole when something in it has changed, when its rules have, when its
// last run did not end well, and in any case after some time: that nothing was changed
// never proves that nobody has left.
type Delta struct {
	// FullEvery is the longest time between two full reads; 0s reads whole each time.
	FullEvery Duration `yaml:"fullEvery" default:"0s"`
	// Overlap is how far before the last full read changes are asked for, against clocks
	// that differ and changes that arrived while it went on.
	Overlap Duration `yaml:"overlap" default:"1h"`
}

// SetAsideLimit is a limit on records set aside, in percent of the people and groups
// read, absolute, or both; exceeding either is too many.
type SetAsideLimit struct {
	// Percent of the people and groups of the read.
	Percent *float64 `yaml:"percent" min:"0" max:"100"`
	// Count of records.
	Count *int `yaml:"count" min:"0"`
}

// Shrink is how much of a school may be missing at once, in percent of what was there.
// sync --accept-smaller lets a smaller school pass once; an empty one never passes.
type Shrink struct {
	// People in percent.
	People float64 `yaml:"people" default:"30" min:"0" max:"100"`
	// Groups in percent. In August many classes end at once, so it is higher.
	Groups float64 `yaml:"groups" default:"70" min:"0" max:"100"`
}

// Vendor is the access to vendor management.
type Vendor struct {
	// Application is the GUID of the application, from the address bar of App Management.
	Application string `yaml:"application" required:"true" format:"guid"`
	// Organisation is the vendor's own organisation GUID.
	Organisation string `yaml:"organisation" required:"true" format:"guid"`
	// ClientID of the vendor management client.
	ClientID secret.Ref `yaml:"clientID" required:"true"`
	// ClientSecret of the vendor management client.
	ClientSecret secret.Ref `yaml:"clientSecret" required:"true"`
	// Scope asked for in the vendor's token.
	Scope string `yaml:"scope" default:"rapapi partner partner-read partner-write"`
}

// Credential is one school's client.
type Credential struct {
	// Organisation is the school's organisation GUID.
	Organisation string `yaml:"organisation" required:"true" format:"guid"`
	// ClientID issued for this school and application.
	ClientID secret.Ref `yaml:"clientID" required:"true"`
	// ClientSecret issued for this school and application.
	ClientSecret secret.Ref `yaml:"clientSecret" required:"true"`
}

// Target is one identity provider instance.
type Target struct {
	// Type of the target: any SCIM 2.0 server; Entra ID by API-driven inbound provisioning,
	// with groups by Microsoft Graph; Okta by an identity source; or a SCIM feed that
	// simscim itself serves, and from which Okta imports.
	Type string `yaml:"type" enum:"scim|entra-inbound|okta-identity-source|scim-feed" required:"true"`
	// Profile names a known provider whose traits overrule discovery; auto means
	// discovery alone.
	Profile string `yaml:"profile" default:"auto"`
	// URL is the SCIM base URL, the one below which /Users stands; for Okta, that of the
	// organisation, such as https://trust.okta.com.
	URL string `yaml:"url" format:"url"`
	// Auth is how to sign in.
	Auth TargetAuth `yaml:"auth"`
	// Tenant is the id or a domain of the Entra tenant.
	Tenant string `yaml:"tenant"`
	// Cloud is the Microsoft cloud that the tenant is in, or custom, which takes the
	// addresses below: a private cloud, or a look-alike such as the sandbox's to try things
	// out against.
	Cloud string `yaml:"cloud" enum:"global|usgov|usgov-dod|china|custom" default:"global"`
	// Login is where applications sign in, a scheme and a host (cloud: custom only). What is
	// http is a look-alike on this machine.
	Login string `yaml:"login" format:"url"`
	// Graph is where Microsoft Graph stands, a scheme and a host (cloud: custom only).
	Graph string `yaml:"graph" format:"url"`
	// ServicePrincipal is the object id of the provisioning app's service principal.
	ServicePrincipal string `yaml:"servicePrincipal" format:"guid"`
	// Job is the id of the provisioning job, such as API2AAD.….
	Job string `yaml:"job"`
	// DailyCalls is how many uploads the tenant may make in 24 hours, over all schools:
	// 2,000 with Entra ID P1 or P2, 6,000 with Governance.
	DailyCalls int `yaml:"dailyCalls" default:"2000" min:"1"`
	// ConfirmWithin is how long a run waits for the provisioning log, or for an import, to
	// tell what became of what was sent. What is not told by then is looked for by the
	// next run.
	ConfirmWithin Duration `yaml:"confirmWithin" default:"20m" min:"0s" max:"12h"`
	// GroupKind is what groups are made at Entra ID.
	GroupKind string `yaml:"groupKind" enum:"security|microsoft365|class" default:"security"`
	// Source is the id of the identity source at Okta.
	Source string `yaml:"source"`
	// Path below which a feed is served, such as /feeds/okta; see run.feeds.
	Path string `yaml:"path" format:"route"`
	// Tokens are the secrets by which a feed is read; several, so that one can be changed
	// after the other.
	Tokens []secret.Ref `yaml:"tokens"`
	// Key is the secret under which a feed's content is encrypted in the store, 32 bytes in
	// base64 or hex.
	Key secret.Ref `yaml:"key"`
	// MaxCost is the most, in US dollars, that the calls of one school's plan may cost at a
	// target with a price per call; a dearer plan is held. Without it cost holds nothing.
	MaxCost *float64 `yaml:"maxCost" min:"0"`
	// Limits on calls to this target, shared by all sites.
	Limits Limits `yaml:"limits" defaults:"perSecond=20 inFlight=8"`
	// Traits overrule what the profile and discovery say of the server, one by one.
	Traits Traits `yaml:"traits"`
	// Users is what may be done to accounts: full; upsert creates and updates, but takes
	// nothing away; create never touches an account again.
	Users string `yaml:"users" enum:"full|upsert|create" default:"full"`
	// Groups is what may be done to groups and their members, in the same words; off
	// leaves groups alone.
	Groups string `yaml:"groups" enum:"full|upsert|create|off" default:"full"`
	// Protect names what is never written, whoever made it: administrators, accounts for
	// emergencies, groups that others look after.
	Protect Protect `yaml:"protect"`
	// Safeguards are limits on the changes of all schools together within 24 hours; a
	// plan that would go over one is held. Percentages are of what simscim keeps at this
	// target.
	Safeguards Safeguards `yaml:"safeguards" keys:"adoptUsers|createUsers|updateUsers|renameUsers|suspendUsers|deleteUsers|adoptGroups|createGroups|deleteGroups|removeMembers"`
	// ReplaceGroups makes a class group anew, where that takes fewer requests than taking
	// its members out one by one. A group that is made anew gets another id at the target,
	// and whatever was given to it there is gone.
	ReplaceGroups bool `yaml:"replaceGroups"`
	// Handover says where the first passwords of new accounts go. Without it they are
	// thrown away, which suits accounts that sign in elsewhere.
	Handover *Handover `yaml:"handover"`
	// Timeout of one request.
	Timeout Duration `yaml:"timeout" default:"30s" min:"1s" max:"10m"`
	// CAFile is a PEM file of certificate authorities to trust instead of the system's.
	CAFile string `yaml:"caFile"`

	// Name is the key under which the target stands in the configuration.
	Name string `yaml:"-"`
	// At is where it stands.
	At Pos `yaml:"-"`
}

// Handover is how first passwords reach the target's administrator: one file a run and
// school, sealed so that only the recipients can open it.
type Handover struct {
	// Dir is the folder that the files are put into. It must be there.
	Dir string `yaml:"dir" required:"true"`
	// Recipients are age public keys, such as age-keygen prints; any of their owners can
	// open the files.
	Recipients []string `yaml:"recipients" required:"true" format:"age"`
}

// Traits overrule what is known of a server. What is not named stays as it is.
type Traits struct {
	// Patch says that PATCH works.
	Patch *bool `yaml:"patch"`
	// Bulk is how many operations one bulk request may hold; 0 is no bulk.
	Bulk *int `yaml:"bulk" min:"0" max:"10000"`
	// BulkBytes is how large a bulk request may be, in bytes.
	BulkBytes *int `yaml:"bulkBytes" min:"1000"`
	// MembersPerCreate is how many members a group may be made with.
	MembersPerCreate *int `yaml:"membersPerCreate" min:"0"`
	// MembersPerAdd is how many members one request may add.
	MembersPerAdd *int `yaml:"membersPerAdd" min:"1"`
	// MembersPerRemove is how many members one request may take out.
	MembersPerRemove *int `yaml:"membersPerRemove" min:"1"`
	// MixAddRemove says that one PATCH may add and take out members at once.
	MixAddRemove *bool `yaml:"mixAddRemove"`
	// RemoveForm is how members are taken out: by a path for each, or by a list of values.
	RemoveForm string `yaml:"removeForm" enum:"path|values"`
	// MembersReadable says that reading a group shows its members.
	MembersReadable *bool `yaml:"membersReadable"`
	// GroupRename says that a group's name may be changed.
	GroupRename *bool `yaml:"groupRename"`
	// FilterUsers lists the attributes by which users can be looked up.
	FilterUsers []Text `yaml:"filterUsers"`
	// FilterGroups lists the attributes by which groups can be looked up.
	FilterGroups []Text `yaml:"filterGroups"`
	// Search says that POST /.search works.
	Search *bool `yaml:"search"`
	// Paging is how lists are read.
	Paging string `yaml:"paging" enum:"index|cursor|none"`
	// PageSize is how many resources are asked for at once.
	PageSize *int `yaml:"pageSize" min:"1" max:"5000"`
	// ETag says that changes are sent with If-Match.
	ETag *bool `yaml:"etag"`
	// StringBooleans writes "True" and "False" for true and false.
	StringBooleans *bool `yaml:"stringBooleans"`
	// Accept is the header of that name in each request.
	Accept string `yaml:"accept"`
	// ContentType is the header of that name in each request with a body.
	ContentType string `yaml:"contentType"`
}

// Protect names what is never written. * stands for any letters, ? for one, in any case.
type Protect struct {
	// Users are user names.
	Users []string `yaml:"users"`
	// Groups are display names of groups.
	Groups []string `yaml:"groups"`
	// IDs are the target's ids, of users or groups.
	IDs []string `yaml:"ids"`
}

// TargetAuth is how to sign in to a target.
type TargetAuth struct {
	// Type of sign-in. A client secret, a certificate, a managed identity or a workload
	// identity are for Entra ID; private-key-jwt and ssws for Okta.
	Type string `yaml:"type" enum:"bearer|basic|oauth2|secret|certificate|managed-identity|workload-identity|private-key-jwt|ssws" required:"true"`
	// Token for bearer.
	Token secret.Ref `yaml:"token"`
	// Username for basic.
	Username secret.Ref `yaml:"username"`
	// Password for basic.
	Password secret.Ref `yaml:"password"`
	// TokenURL for oauth2 (client credentials).
	TokenURL string `yaml:"tokenURL" format:"url"`
	// ClientID for oauth2.
	ClientID secret.Ref `yaml:"clientID"`
	// ClientSecret for oauth2.
	ClientSecret secret.Ref `yaml:"clientSecret"`
	// Scope for oauth2, separated by blanks.
	Scope string `yaml:"scope"`
	// PrivateKey is a PEM key for private-key-jwt, or a certificate with its key for
	// certificate.
	PrivateKey secret.Ref `yaml:"privateKey"`
	// KeyID names the key at Okta.
	KeyID string `yaml:"keyID"`
	// Tenant in which to sign in for type secret or certificate of a SCIM target; others
	// take it from the target.
	Tenant string `yaml:"tenant"`
}

// Limits on calls to one host.
type Limits struct {
	// PerSecond is the most calls begun in a second; 0 is no limit.
	PerSecond float64 `yaml:"perSecond" min:"0"`
	// InFlight is the most calls under way at once.
	InFlight int `yaml:"inFlight" min:"1" max:"256"`
}

// Mapping is a set of rules: who gets an account, with which attributes, and which
// groups there are.
type Mapping struct {
	// Match lists the attributes by which existing objects at the target are
	// recognised, in this order. Objects with our externalId are always ours; any
	// other match is adopted only if adopt is true.
	Match []Text `yaml:"match" default:"externalId"`
	// Adopt allows taking over existing objects that a match other than externalId found.
	Adopt bool `yaml:"adopt"`
	// Users are the rules for accounts.
	Users UserRules `yaml:"users"`
	// Groups are the rules for groups. In an override the list replaces the mapping's.
	Groups []*GroupRule `yaml:"groups" empty:"true"`

	// Name is the key under which the mapping stands in the configuration.
	Name string `yaml:"-"`
	// At is where it stands.
	At Pos `yaml:"-"`
}

// UserRules says who gets an account, and with which attributes.
type UserRules struct {
	// Include is a condition on person: who is in scope.
	Include Expr `yaml:"include" default:"person.state == 'current' && person.kind in ['student', 'staff']"`
	// Key is the person's identity at the target, sent as externalId. People with the
	// same key are one account, also across schools. By default it is the source's id,
	// preceded by the name of the source where that id is not globally unique.
	Key Expr `yaml:"key"`
	// Protect is a condition on person: whose account is left exactly as it is, whatever
	// the other rules say.
	Protect Expr `yaml:"protect"`
	// Password is the kind of first password that a new account is made with, where the
	// target takes one: 'random' is sixteen letters, digits and signs; 'words' is three
	// short words and two digits, for young pupils; '' is none. It is made when the
	// account is, and kept nowhere; see handover of targets.
	Password Expr `yaml:"password"`
	// Attributes are the SCIM attributes of an account, by path. A value is a rule, or
	// a map with value, apply, default, or (for userName) unique.
	Attributes AttributeRules `yaml:"attributes"`
}

// AttributeRules are rules by attribute path, in the order of the file.
type AttributeRules []*AttributeRule

// AttributeRule says what one attribute shall be.
type AttributeRule struct {
	// Path of the attribute, such as name.givenName or emails[type eq "work"].value.
	Path Text `yaml:"-"`
	// Value is the rule that yields the value.
	Value Expr `yaml:"value"`
	// Unique is a list of rules that each yield a candidate; the first that nobody else
	// at the target holds is issued, and kept for ever after. Only for userName.
	Unique []Expr `yaml:"unique"`
	// Apply is when the attribute is written: always, or only when the account is made.
	// Without it attributes are always written, but a user name once issued stays: only
	// apply: always lets it follow its rule.
	Apply string `yaml:"apply" enum:"always|create"`
	// Default is the rule used when the value yields nothing.
	Default Expr `yaml:"default"`

	// Drop is set in an override whose attribute is null: the mapping's rule goes.
	Drop bool `yaml:"-"`
}

// GroupRule makes groups: one for each group of a kind that the school keeps (from),
// or one of our own (derive), or one for each value of an expression (derive and by).
type GroupRule struct {
	// From is the kind of group of the school to take.
	From string `yaml:"from" enum:"year|registration|house|class"`
	// Derive is the name of a group of our own, such as all-students.
	Derive Text `yaml:"derive"`
	// By makes one derived group for each value that it yields for a person, such as
	// string(person.entryYear). People for whom it yields nothing are in none.
	By Expr `yaml:"by"`
	// Include is a condition: on group for from (which groups to take), on person for
	// derive (who is in it).
	Include Expr `yaml:"include"`
	// Members is a condition on person and role for from: which of the group's people
	// to take. By default all who have an account.
	Members Expr `yaml:"members"`
	// DisplayName is the rule for the group's name. It sees group (from) or value (by).
	DisplayName Expr `yaml:"displayName" required:"true"`
	// Attributes are further SCIM attributes of the group, by path.
	Attributes AttributeRules `yaml:"attributes"`
	// KeepEmpty makes the group even while nobody is in it.
	KeepEmpty bool `yaml:"keepEmpty"`

	// At is where the rule stands.
	At Pos `yaml:"-"`
}

// Site says what to do with the schools that it matches.
type Site struct {
	// Match is '*' for every school, or a map of conditions that must all hold.
	Match SiteMatch `yaml:"match" required:"true"`
	// Source in which to look for these schools; without it, in every source.
	Source Text `yaml:"source"`
	// Targets to provision them to.
	Targets []Text `yaml:"targets" required:"true"`
	// Mapping to use.
	Mapping Text `yaml:"mapping" required:"true"`
	// Vars are values of your choice that rules see as site.vars.NAME.
	Vars map[string]string `yaml:"vars" names:"identifier"`
	// Override changes parts of the mapping for these schools: conditions and lists
	// replace, attributes merge by path, and an attribute set to null is dropped.
	Override *Override `yaml:"override"`
	// Schedule is a cron expression of five fields, in the time zone of run.
	Schedule Text `yaml:"schedule" default:"15 2 * * *"`
	// Safeguards for these schools, in place of the general ones of the same name.
	Safeguards Safeguards `yaml:"safeguards" keys:"adoptUsers|createUsers|updateUsers|renameUsers|suspendUsers|deleteUsers|adoptGroups|createGroups|deleteGroups|removeMembers"`
	// Leavers for these schools. What is not named here is as in the general ones.
	Leavers *Leavers `yaml:"leavers"`

	// At is where the entry stands.
	At Pos `yaml:"-"`
}

// Override changes parts of a mapping.
type Override struct {
	// Match replaces the mapping's.
	Match []Text `yaml:"match"`
	// Adopt replaces the mapping's.
	Adopt *bool `yaml:"adopt"`
	// Users changes the rules for accounts.
	Users *UserRules `yaml:"users" nodefaults:"true"`
	// Groups replaces the mapping's list.
	Groups []*GroupRule `yaml:"groups" empty:"true"`
}

// SiteMatch is the condition of a site entry.
type SiteMatch struct {
	// DfE is a DfE number in any of its usual forms.
	DfE string `yaml:"dfe" format:"dfe"`
	// Organisation is the source's id of the school; SIMS ID's are GUIDs.
	Organisation string `yaml:"organisation"`
	// Name of the school in any case; * stands for any letters, ? for one.
	Name string `yaml:"name"`
	// Phase of the school, such as primary or secondary.
	Phase string `yaml:"phase"`
	// All is set for '*'.
	All bool `yaml:"-"`
}

// Safeguards are limits by counter: createUsers, updateUsers, renameUsers,
// suspendUsers, deleteUsers, deleteGroups, removeMembers.
type Safeguards map[string]*Safeguard

// Safeguard is a limit, in percent of what is there, absolute, or both; the plan is
// held when any of the two is exceeded. Zero is a limit too: it means none at all.
type Safeguard struct {
	// Percent of the objects of this kind that the ledger holds for the site.
	Percent *float64 `yaml:"percent" min:"0" max:"100"`
	// Count of changes.
	Count *int `yaml:"count" min:"0"`
	// MinSize is how many objects there must be for the percentage to count: of two
	// members one is half, and nothing to worry about.
	MinSize int `yaml:"minSize" default:"10" min:"0"`
	// PerGroup applies the limit to each group for itself (removeMembers only).
	PerGroup bool `yaml:"perGroup"`
}

// Window is a time with limits of its own.
type Window struct {
	// From is the first day; without it the window is open already.
	From string `yaml:"from" format:"date"`
	// Until is the last day. After it the general limits hold again.
	Until string `yaml:"until" required:"true" format:"date"`
	// Safeguards take the place of those of the same name, for every school.
	Safeguards Safeguards `yaml:"safeguards" keys:"adoptUsers|createUsers|updateUsers|renameUsers|suspendUsers|deleteUsers|adoptGroups|createGroups|deleteGroups|removeMembers"`
	// TargetSafeguards take the place of those of the same name, for every target.
	TargetSafeguards Safeguards `yaml:"targetSafeguards" keys:"adoptUsers|createUsers|updateUsers|renameUsers|suspendUsers|deleteUsers|adoptGroups|createGroups|deleteGroups|removeMembers"`
}

// Escrow is where an object waits that could not be written: the rest goes on, and the
// object is tried again after delays that grow from RetryAfter to RetryEvery.
type Escrow struct {
	// RetryAfter is the first delay; each further one is twice as long.
	RetryAfter Duration `yaml:"retryAfter" default:"1h" min:"0s" max:"168h"`
	// RetryEvery is the longest delay.
	RetryEvery Duration `yaml:"retryEvery" default:"24h" min:"0s" max:"720h"`
	// Expire is how long an object is tried; after that it waits for a change of the
	// object, or for sync --retry.
	Expire Duration `yaml:"expire" default:"672h" min:"1h"`
}

// Quarantine is for a target that keeps failing: it is left alone but for a try now and
// then, and told about once. Refused credentials lead there at once.
type Quarantine struct {
	// Percent of the changes of one run that may fail.
	Percent float64 `yaml:"percent" default:"40" min:"1" max:"100"`
	// MinFailures is how many changes must have failed for the percentage to count.
	MinFailures int `yaml:"minFailures" default:"20" min:"1"`
	// RetryEvery is how often a target in quarantine is tried.
	RetryEvery Duration `yaml:"retryEvery" default:"24h" min:"1m" max:"720h"`
}

// Drift is what others have changed at a target behind our back. It is found by reading
// the target back, which costs a full list, and mended like any other plan.
type Drift struct {
	// Every is how often a school's part of a target is read back in a sync; 0s is never.
	Every Duration `yaml:"every" default:"0s" min:"0s"`
}

// Notice is one way to tell people.
type Notice struct {
	// Type of the way: a webhook that takes JSON, one of Teams or Slack, or e-mail.
	Type string `yaml:"type" enum:"webhook|teams|slack|email" required:"true"`
	// On lists what is told: plans that are held, targets in quarantine, runs that
	// failed, and schools without a good run for too long.
	On []Text `yaml:"on" default:"held|quarantine|failed|stale"`
	// StaleAfter is how long a school may be without a good run.
	StaleAfter Duration `yaml:"staleAfter" default:"36h" min:"1h"`
	// URL of a webhook. It is a secret: whoever knows it may post.
	URL secret.Ref `yaml:"url"`
	// Token is sent as bearer token with a webhook of type webhook.
	Token secret.Ref `yaml:"token"`
	// Server is the mail server, host:port.
	Server string `yaml:"server" format:"address"`
	// TLS is how the connection to the mail server is made safe.
	TLS string `yaml:"tls" enum:"starttls|implicit|none" default:"starttls"`
	// Username at the mail server; without it nobody signs in.
	Username secret.Ref `yaml:"username"`
	// Password at the mail server.
	Password secret.Ref `yaml:"password"`
	// From is the e-mail address that the mail comes from.
	From string `yaml:"from"`
	// To lists the e-mail addresses that the mail goes to.
	To []string `yaml:"to"`
	// CAFile is a PEM file of certificate authorities to trust instead of the system's.
	CAFile string `yaml:"caFile"`

	// At is where the notice stands.
	At Pos `yaml:"-"`
}

// Leavers says how people leave: out of scope, then grace, then suspended, then
// deleted. Whoever comes back in between is restored.
type Leavers struct {
	// GraceSnapshots is how many complete reads in a row must lack a person before
	// anything happens.
	GraceSnapshots int `yaml:"graceSnapshots" default:"2" min:"1"`
	// GraceHours is how long a person must have been gone as well.
	GraceHours int `yaml:"graceHours" default:"24" min:"0"`
	// DeleteAfterDays is how long an account stays suspended before it is deleted;
	// 0 keeps it for ever.
	DeleteAfterDays int `yaml:"deleteAfterDays" default:"90" min:"0"`
}

// Run is for the daemon.
type Run struct {
	// Listen is the address of health, metrics and the status page.
	Listen string `yaml:"listen" default:"127.0.0.1:8080" format:"address"`
	// TimeZone of the schedules.
	TimeZone string `yaml:"timeZone" default:"Europe/London" format:"zone"`
	// Jitter spreads the start of sites with one schedule over this time, each site
	// always at its own moment.
	Jitter Duration `yaml:"jitter" default:"10m" min:"0s" max:"12h"`
	// Parallel is how many sites are worked on at once.
	Parallel int `yaml:"parallel" default:"2" min:"1" max:"64"`
	// Feeds says where targets of type scim-feed are served; they need it.
	Feeds *Feeds `yaml:"feeds"`
}

// Feeds are served at an address of their own, where there is nothing else: whoever can
// reach them sees neither status page nor metrics.
type Feeds struct {
	// Listen is the address of the feeds. Other machines may reach it only with tls, or if
	// proxies are named.
	Listen string `yaml:"listen" default:"127.0.0.1:8081" format:"address"`
	// URL is what the readers know as the address, without the path of a feed, such as
	// https://scim.trust.example. Locations in answers begin with it.
	URL string `yaml:"url" required:"true" format:"url"`
	// Proxies are the addresses and networks of the proxies that stand before the feeds.
	// They alone are believed when they name, in X-Forwarded-For, whom a request comes
	// from; failed sign-ins are counted by that.
	Proxies []string `yaml:"proxies" format:"network"`
	// TLS lets the feeds be reached by HTTPS without a proxy.
	TLS *FeedsTLS `yaml:"tls"`
}

// FeedsTLS is the certificate that feeds are served with. When the files change, new
// connections get the new certificate.
type FeedsTLS struct {
	// CertFile is a PEM file with the certificate and those between it and its authority.
	CertFile string `yaml:"certFile" required:"true"`
	// KeyFile is a PEM file with the private key.
	KeyFile string `yaml:"keyFile" required:"true"`
}

// Pos is a place in a configuration file. Lines and columns count from 1.
type Pos struct {
	File      string
	Line, Col int
}

// Text is a string and where it stands.
type Text struct {
	Value string
	At    Pos
}

// Expr is a rule in the Common Expression Language and where it stands.
type Expr struct {
	Text string
	// At is the place of the first character of Text, inside any quotes.
	At Pos
	// Raw is the text as it stands in the file, kept only where YAML escapes, folding or
	// indentation make it differ from Text, so that Place can find its way.
	Raw string
}

// IsZero tells whether there is no rule.
func (e Expr) IsZero() bool { return e.Text == "" }

// Duration is a length of time as Go writes it: "30s", "10m".
type Duration struct{ time.Duration }
