package plan

import "simscim/scim"

// Object is a resource as the target holds it.
type Object struct {
	Kind     scim.Kind
	RemoteID string
	// ExternalID is empty where the target keeps none.
	ExternalID string
	// Attributes holds the values at the paths that were asked for, sorted.
	Attributes scim.Attributes
	// Members are the target's ids of the members; MembersKnown is false where the
	// target does not show them.
	Members      []string
	MembersKnown bool
}

// Observed is what was read back from the target for this plan, indexed by what
// existing objects are recognised by. The zero value has seen nothing.
type Observed struct {
	byValue map[observedKey][]*Object
	byID    map[Ref]*Object
}

type observedKey struct {
	kind  scim.Kind
	path  scim.Path
	value string
}

// externalID is the path of the attribute that names our key.
const externalID scim.Path = "externalId"

// See takes an object into account under its id, its externalId and its values at the
// paths.
func (o *Observed) See(obj Object, paths []scim.Path) {
	if o.byValue == nil {
		o.byValue, o.byID = map[observedKey][]*Object{}, map[Ref]*Object{}
	}
	p := &obj
	o.byID[Ref{obj.Kind, obj.RemoteID}] = p
	if obj.ExternalID != "" {
		o.add(observedKey{obj.Kind, externalID, obj.ExternalID}, p)
	}
	for _, path := range paths {
		if v, ok := obj.Attributes.Get(path); ok && path != externalID {
			o.add(observedKey{obj.Kind, path, string(scim.Canonical(path, v))}, p)
		}
	}
}

func (o *Observed) add(key observedKey, obj *Object) {
	for _, seen := range o.byValue[key] {
		if seen.RemoteID == obj.RemoteID {
			return
		}
	}
	o.byValue[key] = append(o.byValue[key], obj)
}

// Has tells whether the object with the target's id was seen.
func (o *Observed) Has(kind scim.Kind, remoteID string) bool { return o.at(kind, remoteID) != nil }

// NameOf returns the user name of the account that carries our key, or "" where there is
// none, or more than one.
func (o *Observed) NameOf(key string) string {
	list := o.find(scim.User, externalID, key)
	if len(list) != 1 {
		return ""
	}
	return list[0].Attributes.String(userName)
}

// Outdate forgets how the objects looked that the ledger knows: what has been done to them
// since is in the ledger. The others can still be recognised.
func (o *Observed) Outdate() {
	if o != nil {
		o.byID = map[Ref]*Object{}
	}
}

// at returns the object with the target's id, if it was seen.
func (o *Observed) at(kind scim.Kind, remoteID string) *Object {
	if o == nil || remoteID == "" {
		return nil
	}
	return o.byID[Ref{kind, remoteID}]
}

// Only returns the one object that carries our key, nil where none or several do.
func (o *Observed) Only(kind scim.Kind, key string) *Object {
	if list := o.find(kind, externalID, key); len(list) == 1 {
		return list[0]
	}
	return nil
}

// find returns the objects whose attribute at path has the value.
func (o *Observed) find(kind scim.Kind, path scim.Path, value any) []*Object {
	if o == nil || scim.IsUnassigned(value) {
		return nil
	}
	if path == externalID { // case-exact, RFC 7643 §3.1
		s, _ := value.(string)
		return o.byValue[observedKey{kind, externalID, s}]
	}
	return o.byValue[observedKey{kind, path, string(scim.Canonical(path, value))}]
}
