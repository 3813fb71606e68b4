package csv

// Holds tells whether a source has files in memory.
func Holds(s *Source) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.district != nil
}
