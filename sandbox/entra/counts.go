package entra

import "maps"

// Kind is a sort of request.
type Kind string

// The kinds of requests. Parts of a batch count as what they are, and the batch once.
const (
	Tokens         Kind = "tokens"
	Identities     Kind = "identities"
	Uploads        Kind = "uploads"
	LogReads       Kind = "logReads"
	JobReads       Kind = "jobReads"
	UserReads      Kind = "userReads"
	UserLists      Kind = "userLists"
	UserWrites     Kind = "userWrites"
	UserDeletes    Kind = "userDeletes"
	GroupReads     Kind = "groupReads"
	GroupLists     Kind = "groupLists"
	GroupWrites    Kind = "groupWrites"
	GroupDeletes   Kind = "groupDeletes"
	MemberReads    Kind = "memberReads"
	MemberAdds     Kind = "memberAdds"
	MemberRemovals Kind = "memberRemovals"
	// MemberDeletes are DELETEs of a member without /$ref, which delete the account.
	MemberDeletes Kind = "memberDeletes"
	Deltas        Kind = "deltas"
	Classes       Kind = "classes"
	ClassReads    Kind = "classReads"
	Batches       Kind = "batches"
	Other         Kind = "other"
)

// Requests says how many requests of each kind have arrived, those included that were
// refused or that a fault spoilt.
type Requests map[Kind]int

// Total is how many there were, parts of batches included.
func (r Requests) Total() int {
	n := 0
	for _, count := range r {
		n += count
	}
	return n
}

// Requests returns the counts until now.
func (s *Service) Requests() Requests {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// ResetRequests sets the counts to zero.
func (s *Service) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.counts)
}
