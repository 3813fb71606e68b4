package console

import "net/http"

// Feeds makes the handler of SCIM feeds, by the path below which each is served. They look
// after their own sign-in and take other methods than GET. Nothing else is served with
// them: whoever reaches them from outside has no business with the console.
func Feeds(feeds map[string]http.Handler) http.Handler {
	mux := http.NewServeMux()
	for path, feed := range feeds {
		mux.Handle(path, feed) // or it would be redirected, which readers do not follow
		mux.Handle(path+"/", feed)
	}
	return mux
}
