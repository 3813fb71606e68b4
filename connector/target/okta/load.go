package okta

import (
	"bytes"
	"encoding/json"
	"slices"

	"simscim/connector/plan"
)

// Limits of the API: entities of one bulk request, bytes of it (200 KB, of which a
// twentieth is left free), and bulk requests of one session. Of memberships an entity is
// taken to be a group with any number of members: that is what the API's schema says.
const (
	maxEntities = 200
	maxBytes    = 200_000 * 95 / 100
	maxLoads    = 50
)

// kind is one sort of bulk request: where it goes and what stands around the entities.
type kind struct {
	path, head, tail string
}

// The kinds, in the order in which a session needs them: who is a member must be there
// before, and who leaves goes last.
const (
	upsertUsers = iota
	upsertGroups
	removeMembers
	addMembers
	deleteGroups
	deactivateUsers
	numKinds
)

func (k sort) kind() kind {
	return [numKinds]kind{
		upsertUsers:     {"/bulk-upsert", `{"entityType":"USERS","profiles":[`, `]}`},
		upsertGroups:    {"/bulk-groups-upsert", `{"profiles":[`, `]}`},
		removeMembers:   {"/bulk-group-memberships-delete", `{"memberships":[`, `]}`},
		addMembers:      {"/bulk-group-memberships-upsert", `{"memberships":[`, `]}`},
		deleteGroups:    {"/bulk-groups-delete", `{"externalIds":[`, `]}`},
		deactivateUsers: {"/bulk-delete", `{"entityType":"USERS","profiles":[`, `]}`},
	}[k]
}

// sort is the index of a kind.
type sort int

// job is one change under way.
type job struct {
	change *plan.Change
	// sent is the profile of an upsert.
	sent profile
	// left counts the parts that are not yet imported; told says that the attributes are
	// confirmed, and done that the final outcome is.
	left       int
	told, done bool
}

// part is one entity of a bulk request. Members are the keys in a membership.
type part struct {
	job     *job
	entity  []byte
	members []string
}

// load is one bulk request.
type load struct {
	sort  sort
	parts []part
	// tries counts how often it got no usable answer.
	tries int
}

// body is the load as it is sent.
func (l *load) body() []byte {
	k := l.sort.kind()
	var b bytes.Buffer
	b.WriteString(k.head)
	for i := range l.parts {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(l.parts[i].entity)
	}
	b.WriteString(k.tail)
	return b.Bytes()
}

// packer fills bulk requests of one kind.
type packer struct {
	sort  sort
	loads []*load
	// room is how many bytes the last load still takes.
	room int
}

// open begins another load.
func (p *packer) open() {
	k := p.sort.kind()
	p.loads, p.room = append(p.loads, &load{sort: p.sort}), maxBytes-len(k.head)-len(k.tail)
}

// fits tells whether the last load takes an entity of so many bytes, with its comma.
func (p *packer) fits(n int) bool {
	return len(p.loads) > 0 && len(p.loads[len(p.loads)-1].parts) < maxEntities && n+1 <= p.room
}

// add puts an entity into the last load, or into another.
func (p *packer) add(x part) {
	if !p.fits(len(x.entity)) {
		p.open()
	}
	last := p.loads[len(p.loads)-1]
	last.parts = append(last.parts, x)
	p.room -= len(x.entity) + 1
	x.job.left++
}

// memberships puts the members of one group in, over as many loads as they need.
func (p *packer) memberships(j *job, members []string) {
	frame := len(membership(j.change.Key, nil))
	for len(members) > 0 {
		if !p.fits(frame + len(quoted(members[0])) + 1) {
			p.open()
		}
		n, size := 0, frame
		for n < len(members) {
			more := len(quoted(members[n])) + 1
			if n > 0 && size+more+1 > p.room {
				break
			}
			size += more
			n++
		}
		p.add(part{job: j, entity: membership(j.change.Key, members[:n]), members: members[:n]})
		members = members[n:]
	}
}

// entity is a user or group as it is sent; without a profile it is one to deactivate.
func entity(key string, p profile) []byte {
	return encoded(struct {
		ExternalID string  `json:"externalId"`
		Profile    profile `json:"profile,omitzero"`
	}{key, p})
}

func membership(group string, members []string) []byte {
	return encoded(struct {
		Group   string   `json:"groupExternalId"`
		Members []string `json:"memberExternalIds"`
	}{group, append([]string{}, members...)})
}

func quoted(key string) []byte { return encoded(key) }

// encoded is JSON without the escapes that are for web pages only.
func encoded(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // texts, and maps of them, can always be encoded
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// halves are the load in two, to find out which of its entities is refused.
func (l *load) halves() []*load {
	half := len(l.parts) / 2
	return []*load{
		{sort: l.sort, parts: slices.Clip(l.parts[:half])},
		{sort: l.sort, parts: slices.Clip(l.parts[half:])},
	}
}
