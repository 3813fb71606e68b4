package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"simscim/mapper"
	"simscim/scim"
)

// Input is everything that a plan depends on.
type Input struct {
	// Site is the id of the site, Target the name of the target.
	Site, Target string
	Desired      *mapper.Desired
	State        *State
	// Observed is what was read back for this plan, nil when nothing was.
	Observed *Observed
	// Print gives the keyed fingerprint of a value.
	Print func(path scim.Path, value any) uint64
	// Match lists the attributes, after externalId, that recognise existing objects.
	Match []scim.Path
	// Adopt allows taking over what Match recognised.
	Adopt   bool
	Leavers Leavers
	// Can says which steps the target knows, May which of them the configuration allows.
	Can Abilities
	May Modes
	// Protected tells what is never written: an object by what it is called, now or with
	// this plan, or by the target's id. Nil protects nothing.
	Protected func(kind scim.Kind, name, remoteID string) bool
	// Waiting are the objects that failed and are not yet to be tried again, each with
	// the change that failed. Any other change of them goes ahead.
	Waiting map[Ref]Wait
	// Gone are objects of ours that the target was seen not to have any more.
	Gone map[Ref]bool
	// Withheld are the people and groups that the source or a rule set aside.
	Withheld Withheld
	// Now is the time of the snapshot.
	Now time.Time
}

// Leavers says how people leave.
type Leavers struct {
	GraceSnapshots int
	Grace          time.Duration
	// DeleteAfter is how long an account stays suspended; zero is for ever.
	DeleteAfter time.Duration
}

// Abilities are the steps that a target knows.
type Abilities struct {
	Users, Groups   bool
	Suspend, Delete bool
	// DeleteGroups and RenameGroups say it of groups.
	DeleteGroups, RenameGroups bool
	// TakesPassword says that an account can be made with a password, NeedsPassword that
	// it cannot be made without one.
	TakesPassword, NeedsPassword bool
	// UserPaths are the only attributes of a user that are kept, and GroupPaths the only
	// ones of a group that can be changed; nil is any.
	UserPaths, GroupPaths []scim.Path
	// RequiredUser and RequiredGroup are what the target does not do without: an
	// attribute, or any part of it.
	RequiredUser, RequiredGroup []scim.Path
	// LongestUser is how many characters the target holds of an attribute of a user.
	LongestUser map[scim.Path]int
	// MembersPerCreate is how many members travel with a create, MembersPerAdd and
	// MembersPerRemove in one request (0 is any number).
	MembersPerCreate, MembersPerAdd, MembersPerRemove int
}

// Modes are what the configuration allows to be done to users and to groups.
type Modes struct {
	Users, Groups Mode
	// Replace allows to make a class group anew where that takes fewer requests.
	Replace bool
}

// Mode is how far simscim may go with one kind of object.
type Mode string

// The modes, from the most to the least.
const (
	// Full does all that a plan may hold; so does the empty Mode.
	Full Mode = "full"
	// Upsert creates and updates, and takes nothing away.
	Upsert Mode = "upsert"
	// CreateOnly never touches again what was created.
	CreateOnly Mode = "create"
	// Off leaves the kind alone.
	Off Mode = "off"
)

// updates tells whether what exists may be changed, and removes whether it may be taken
// away.
func (m Mode) updates() bool { return m != CreateOnly && m != Off }
func (m Mode) removes() bool { return m == Full || m == "" }

// Ref names an object.
type Ref struct {
	Kind scim.Kind
	Key  string
}

// Wait is a change that is not yet to be tried again.
type Wait struct {
	// Change is the identity of the change, as Change.Identity gives it.
	Change string
	// Reason is a sentence without personal data.
	Reason string
}

// Withheld names what was set aside. It is left exactly as it is: not knowing is not
// a reason to change anything.
type Withheld struct {
	// People and Groups are source ids. A person's key, where it is known, may stand
	// in People as well.
	People, Groups map[string]bool
	// GroupsBelow are beginnings of group keys: all groups of a rule that failed for
	// somebody, whose values are not known.
	GroupsBelow []string
	// Freeze, if not empty, says why nothing at all may be taken away in this plan:
	// some record without an id was set aside, so that anybody may be missing.
	Freeze string
}

// group tells whether the group was set aside.
func (w *Withheld) group(known *Known) bool {
	return w.Groups[known.SourceID] || w.Groups[known.Key] || slices.ContainsFunc(w.GroupsBelow, func(prefix string) bool {
		return strings.HasPrefix(known.Key, prefix)
	})
}

// Plan is what has to happen at one target for one site.
type Plan struct {
	Site, Target string
	// Changes are in the order in which they are applied.
	Changes []Change
	// Notes are what the ledger alone has to learn.
	Notes []Note
	// Skipped are the objects that cannot be brought into the desired state, and why.
	Skipped []Skip
}

// Note is something to record that changes nothing at the target.
type Note struct {
	What NoteKind
	Kind scim.Kind
	Key  string
	// SourceID is the id of the person at this site, for a claim.
	SourceID string
	// Missed and Since go with Missing.
	Missed int
	Since  time.Time
	// Change goes with Seen: what is there, in the form in which it would be recorded.
	Change *Change
}

// NoteKind says what a note is about.
type NoteKind string

// The kinds of note.
const (
	// Missing: the object was not in this snapshot.
	Missing NoteKind = "missing"
	// Back: the object's absence is over.
	Back NoteKind = "back"
	// Claim: this site needs an account that another site's rules decide on.
	Claim NoteKind = "claim"
	// Unclaim: this site no longer needs an account that another one does.
	Unclaim NoteKind = "unclaim"
	// Awake: an account that the ledger has as suspended is active, and not by mistake.
	Awake NoteKind = "awake"
	// Forget: the target no longer has the object.
	Forget NoteKind = "forget"
	// Seen: the target has what is wanted, and the ledger did not know. A run that was
	// killed leaves such objects; without the note they would be sent once more.
	Seen NoteKind = "seen"
)

// Skip is an object that is left alone although something should happen to it.
type Skip struct {
	Kind scim.Kind
	Key  string
	// Label is for terminals, never for logs.
	Label string
	// Candidates are the target's ids of the objects that one would have to be chosen of.
	Candidates []string
	// Reason is a sentence without personal data.
	Reason string
	// Waiting says that the object is left alone only until its next try.
	Waiting bool
}

// Compute works out the plan.
//
//	desired  in the ledger       at the target            →
//	yes      no                  no, or not looked at     create
//	yes      no                  our externalId           adopt: it is ours
//	yes      no                  matched, adopt allowed   adopt
//	yes      no                  matched, not allowed     skip, with the reason
//	yes      no                  matched more than once   skip, with the reason
//	yes      homed here          –                        update what differs, or nothing
//	yes      homed elsewhere     –                        claim
//	yes      suspended           –                        reactivate
//	no       yes, in grace       –                        note one more miss
//	no       yes, grace over     shared with a site       unclaim
//	no       yes, grace over     –                        suspend a user, delete a group
//	no       suspended for long  –                        delete
//	any      yes                 seen to be gone          forget; then as not in the ledger
//	withheld yes                 –                        nothing
//
// Whatever is protected, or waits after a failure, is skipped with the reason.
func Compute(in Input) *Plan {
	b := &builder{Input: in, plan: &Plan{Site: in.Site, Target: in.Target}, present: map[string]bool{}, staying: map[string]bool{}}
	b.forget()
	if in.Can.Users {
		b.users()
		b.leavingUsers()
	}
	if in.Can.Groups && in.May.Groups != Off {
		b.groups()
		b.leavingGroups()
	}
	b.sort()
	return b.plan
}

// Counts counts the plan's changes by counter.
func (p *Plan) Counts() map[Counter]int {
	counts := map[Counter]int{}
	for i := range p.Changes {
		p.Changes[i].Count(counts)
	}
	return counts
}

// builder is a plan in the making.
type builder struct {
	Input
	plan *Plan
	// present holds the keys of the users who are, or with this plan will be, at the
	// target and in the roll: who may be a member.
	present map[string]bool
	// staying holds the keys of the users who are missing but in grace, or withheld:
	// they keep the memberships that they have.
	staying map[string]bool
	// adopted gives the key of the user behind a remote id that this plan adopts.
	adopted map[string]string
}

// order is the order in which the kinds of change are applied: people before the
// groups that hold them, and what takes away after what gives.
var order = map[Action]int{
	AdoptUser: 0, CreateUser: 1, ReactivateUser: 2, RenameUser: 3, UpdateUser: 4,
	AdoptGroup: 5, CreateGroup: 6, UpdateGroup: 7, UpdateMembers: 8,
	ReplaceGroup: 9, DeleteGroup: 10, SuspendUser: 11, DeleteUser: 12,
}

func (b *builder) sort() {
	slices.SortFunc(b.plan.Changes, func(x, y Change) int {
		return cmp.Or(cmp.Compare(order[x.Action], order[y.Action]), cmp.Compare(x.Key, y.Key))
	})
	slices.SortFunc(b.plan.Notes, func(x, y Note) int {
		return cmp.Or(cmp.Compare(x.What, y.What), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Key, y.Key))
	})
	slices.SortFunc(b.plan.Skipped, func(x, y Skip) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Key, y.Key))
	})
}

// change takes a change into the plan, unless the object is protected or waits. It
// tells whether it did.
func (b *builder) change(c Change) bool {
	unfit := b.fit(&c)
	if unfit == "" && c.empty() {
		return true // what is left of it is already so
	}
	wait, waits := b.Waiting[Ref{c.Kind, c.Key}]
	switch {
	case unfit != "":
		b.skip(Skip{Kind: c.Kind, Key: c.Key, Label: c.Label, Reason: unfit})
	case b.protected(&c):
		b.skip(Skip{Kind: c.Kind, Key: c.Key, Label: c.Label, Reason: "it is protected: it would need " + string(c.Action)})
	case waits && wait.Change == c.Identity(b.Print):
		b.skip(Skip{Kind: c.Kind, Key: c.Key, Label: c.Label, Reason: wait.Reason, Waiting: true})
	default:
		b.plan.Changes = append(b.plan.Changes, c)
		return true
	}
	return false
}

// protected tells whether the object may not be written, by its new name or its old.
func (b *builder) protected(c *Change) bool {
	if b.Protected == nil {
		return false
	}
	names := []string{c.Label}
	if known := b.State.Users[c.Key]; c.Kind == scim.User && known != nil {
		names = append(names, known.Name)
	}
	if o := b.Observed.at(c.Kind, c.RemoteID); o != nil {
		names = append(names, o.Attributes.String(userName), o.Attributes.String(displayName))
	}
	return slices.ContainsFunc(names, func(name string) bool { return b.Protected(c.Kind, name, c.RemoteID) })
}

// forget takes what is gone at the target out of the state, as if it had never been, and
// with the users their memberships.
func (b *builder) forget() {
	if len(b.Gone) == 0 {
		return
	}
	state := *b.State
	state.Users, state.Groups = maps.Clone(state.Users), maps.Clone(state.Groups)
	b.State = &state
	for ref := range b.Gone {
		if ref.Kind == scim.User {
			delete(state.Users, ref.Key)
		} else {
			delete(state.Groups, ref.Key)
		}
		b.note(Note{What: Forget, Kind: ref.Kind, Key: ref.Key})
	}
	for key, g := range state.Groups {
		there := *g
		there.Members = maps.Clone(g.Members)
		maps.DeleteFunc(there.Members, func(member string, _ struct{}) bool { return b.Gone[Ref{scim.User, member}] })
		state.Groups[key] = &there
	}
}

func (b *builder) note(n Note) { b.plan.Notes = append(b.plan.Notes, n) }
func (b *builder) skip(s Skip) { b.plan.Skipped = append(b.plan.Skipped, s) }
