package entra

import (
	"maps"
	"slices"
	"sort"
	"strings"
	"time"
)

// object is a user or a group. Those that were deleted stay, for delta queries.
type object struct {
	id      string
	user    bool
	class   bool
	seq     int // place in the list of its kind
	rev     int // when it last changed
	created time.Time
	props   map[string]any
	// gone says in what way the object was deleted, in the words of a delta; it is
	// empty for those that are there.
	gone string
	// manager is a user's id, and custom what came in schemas of the school's own.
	manager string
	custom  map[string]any
	// members and left hold when a member came and went, for groups.
	members, left map[string]int
}

// text is a property, empty where there is none.
func (o *object) text(name string) string {
	s, _ := o.props[name].(string)
	return s
}

func (o *object) unified() bool {
	types, _ := o.props["groupTypes"].([]any)
	return slices.Contains(types, any("Unified"))
}

// directory holds users and groups with what finds them.
type directory struct {
	objects       map[string]*object
	users, groups []*object
	// unique maps a property that only one object may hold, with its value in lower
	// case, to the object's id; employees maps employeeId to the ids of its users.
	unique    map[[2]string]string
	employees map[string][]string
	rev       int
	// byMember are the users that were deleted through a group's member.
	byMember []string
}

func newDirectory() *directory {
	return &directory{objects: map[string]*object{}, unique: map[[2]string]string{}, employees: map[string][]string{}}
}

// get finds what is there.
func (d *directory) get(id string) *object {
	o := d.objects[strings.ToLower(id)]
	if o == nil || o.gone != "" {
		return nil
	}
	return o
}

func (d *directory) user(ref string) *object {
	o := d.get(ref)
	if o == nil && strings.Contains(ref, "@") {
		o = d.get(d.unique[[2]string{"userPrincipalName", strings.ToLower(ref)}])
	}
	if o == nil || !o.user {
		return nil
	}
	return o
}

// employee finds the users with an employeeId.
func (d *directory) employee(id string) []*object {
	var out []*object
	for _, user := range d.employees[strings.ToLower(id)] {
		out = append(out, d.objects[user])
	}
	return out
}

// keys are the object's unique properties, if it had these properties.
func (o *object) keys(props map[string]any) [][2]string {
	var out [][2]string
	add := func(name string) {
		if s, _ := props[name].(string); s != "" {
			out = append(out, [2]string{name, strings.ToLower(s)})
		}
	}
	if o.user {
		add("userPrincipalName")
		return out
	}
	add("uniqueName")
	if enabled, _ := props["mailEnabled"].(bool); enabled {
		add("mailNickname")
	}
	return out
}

// put stores the object with these properties, if nobody else holds one that is unique.
func (d *directory) put(o *object, props map[string]any) error {
	for _, key := range o.keys(props) {
		if holder, taken := d.unique[key]; taken && holder != o.id {
			return &problem{
				status: 400, code: "Request_BadRequest", logCode: "AzureActiveDirectoryDuplicate" + strings.ToUpper(key[0][:1]) + key[0][1:],
				message: "Another object with the same value for property " + key[0] + " already exists.",
			}
		}
	}
	d.forget(o)
	o.props = props
	for _, key := range o.keys(props) {
		d.unique[key] = o.id
	}
	if id := strings.ToLower(o.text("employeeId")); id != "" && o.user {
		d.employees[id] = append(d.employees[id], o.id)
	}
	if d.objects[o.id] == nil {
		d.objects[o.id] = o
		list := &d.groups
		if o.user {
			list = &d.users
		}
		*list = append(*list, o)
		o.seq = len(*list)
	}
	d.touch(o)
	return nil
}

// touch makes a change visible to delta queries.
func (d *directory) touch(o *object) int {
	d.rev++
	o.rev = d.rev
	return d.rev
}

// forget takes the object out of what finds it.
func (d *directory) forget(o *object) {
	for _, key := range o.keys(o.props) {
		delete(d.unique, key)
	}
	if id := strings.ToLower(o.text("employeeId")); id != "" && o.user {
		d.employees[id] = slices.DeleteFunc(d.employees[id], func(other string) bool { return other == o.id })
		if len(d.employees[id]) == 0 {
			delete(d.employees, id)
		}
	}
}

// remove deletes: users and Microsoft 365 groups softly, so that an administrator could
// restore them, other groups for good.
func (d *directory) remove(o *object) {
	d.forget(o)
	o.gone = "deleted"
	if o.user || o.unified() {
		o.gone = "changed"
	}
	d.touch(o)
	for _, g := range d.groups {
		if _, member := g.members[o.id]; member && g.gone == "" {
			d.leave(g, o.id)
		}
	}
	for _, u := range d.users {
		if u.manager == o.id {
			u.manager = ""
		}
	}
}

func (d *directory) join(g *object, id string) {
	delete(g.left, id)
	g.members[id] = d.touch(g)
}

func (d *directory) leave(g *object, id string) {
	delete(g.members, id)
	g.left[id] = d.touch(g)
}

// since lists those of a map of ids to revisions that are later than rev, in order.
func since(of map[string]int, rev int) []string {
	ids := slices.Collect(maps.Keys(of))
	ids = slices.DeleteFunc(ids, func(id string) bool { return of[id] <= rev })
	slices.SortFunc(ids, func(a, b string) int { return of[a] - of[b] })
	return ids
}

// after are the objects of a list behind a place in it.
func after(list []*object, seq int) []*object {
	return list[sort.Search(len(list), func(i int) bool { return list[i].seq > seq }):]
}
