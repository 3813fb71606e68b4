package entra

// Snapshot is everything that the tenant holds, in order of creation.
type Snapshot struct {
	Users  []User
	Groups []Group
	// DeletedUsers and DeletedGroups are the ids of what was deleted, by any way.
	DeletedUsers, DeletedGroups []string
	// DeletedByMember are the users among them whom somebody deleted by asking to delete
	// a member of a group without /$ref.
	DeletedByMember []string
	// Warnings are about uploads that were taken though the documents ask for more.
	Warnings []string
}

// User is one account. Its properties are named as in Graph, and must not be changed.
type User struct {
	ID, EmployeeID, UserPrincipalName, DisplayName string
	Enabled                                        bool
	// Manager is a user's id.
	Manager    string
	Properties map[string]any
	// Custom holds what was uploaded in schemas of the school's own, by URN.
	Custom map[string]any
}

// Group is one group. Its properties are named as in Graph, and must not be changed.
type Group struct {
	ID, UniqueName, DisplayName string
	// Unified is a Microsoft 365 group; a Class is one, too.
	Unified, Class bool
	// Members are ids, in the order in which they came.
	Members    []string
	Properties map[string]any
}

// Snapshot reads everything at one moment, with what is due by then.
func (s *Service) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(s.now(), false)
	out := Snapshot{
		DeletedByMember: append([]string(nil), s.directory.byMember...),
		Warnings:        append([]string(nil), s.warnings...),
	}
	for _, o := range s.directory.users {
		if o.gone != "" {
			out.DeletedUsers = append(out.DeletedUsers, o.id)
			continue
		}
		out.Users = append(out.Users, User{
			ID: o.id, EmployeeID: o.text("employeeId"), UserPrincipalName: o.text("userPrincipalName"), DisplayName: o.text("displayName"),
			Enabled: o.props["accountEnabled"] == true, Manager: o.manager, Properties: o.props, Custom: o.custom,
		})
	}
	for _, o := range s.directory.groups {
		if o.gone != "" {
			out.DeletedGroups = append(out.DeletedGroups, o.id)
			continue
		}
		out.Groups = append(out.Groups, Group{
			ID: o.id, UniqueName: o.text("uniqueName"), DisplayName: o.text("displayName"), Unified: o.unified(), Class: o.class,
			Members: since(o.members, 0), Properties: o.props,
		})
	}
	return out
}

// Counts returns how many users, groups and memberships there are.
func (s *Service) Counts() (users, groups, memberships int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(s.now(), false)
	for _, o := range s.directory.users {
		if o.gone == "" {
			users++
		}
	}
	for _, o := range s.directory.groups {
		if o.gone == "" {
			groups++
			memberships += len(o.members)
		}
	}
	return users, groups, memberships
}
