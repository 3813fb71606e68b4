package generic

// member is a member of a group by both of its names.
type member struct{ key, id string }

// members are who comes and who goes, the same every time that they are asked for.
func (j *job) members() (add, remove []member) {
	if !j.resolved {
		j.add, j.remove, j.resolved = j.resolve(j.change.Add), j.resolve(j.change.Remove), true
	}
	return j.add, j.remove
}

// resolve finds the target's ids of the members; who is not there (yet) is left out.
func (j *job) resolve(keys []string) []member {
	found := make([]member, 0, len(keys))
	for _, key := range keys {
		if id, ok := j.lookup(key); ok && id != "" {
			found = append(found, member{key, id})
		}
	}
	return found
}

func keys(members []member) []string {
	if len(members) == 0 {
		return nil
	}
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = m.key
	}
	return out
}

func ids(members []member) []string {
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = m.id
	}
	return out
}
