package httpx

import "testing"

func TestUnprotected(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://sis.example": false, "http://sis.example": true, "http://10.0.0.1:80/x": true, "http://127.0.0.1:8467": false,
		"http://127.8.8.8": false, "http://localhost:1": false, "http://[::1]:2": false, "://": false, "": false,
	} {
		if got := Unprotected(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}
