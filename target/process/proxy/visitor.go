package proxy

import (
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// ownCookie is the cookie that the proxy hands out itself.
const ownCookie = "fairlead"

// visitor is where a request belongs, and whether its client is to be told.
type visitor struct {
	bucket int
	tell   bool // hand out the proxy's own cookie
}

// visitorOf finds the bucket of a request's sender.
func visitorOf(r *http.Request, s Sticky, trust bool, next *sequence) visitor {
	switch s.By {
	case "", ByCookie:
		if s.Name == "" {
			return ownVisitor(r, next)
		}
		if c, err := r.Cookie(s.Name); err == nil && c.Value != "" {
			return visitor{bucket: bucketOf(c.Value)}
		}
	case ByHeader:
		if v := r.Header.Get(s.Name); v != "" {
			return visitor{bucket: bucketOf(v)}
		}
	}
	if a := clientAddress(r, trust); a != "" {
		return visitor{bucket: bucketOf(a)}
	}
	return visitor{bucket: next.bucket()} // a unix socket: nothing to hold on to
}

// ownVisitor reads the proxy's own cookie; anything that is not a bucket is
// replaced.
func ownVisitor(r *http.Request, next *sequence) visitor {
	if c, err := r.Cookie(ownCookie); err == nil {
		if n, err := strconv.ParseUint(c.Value, 10, 16); err == nil && n < buckets {
			return visitor{bucket: int(n)}
		}
	}
	return visitor{bucket: next.bucket(), tell: true}
}

// cookie is the Set-Cookie line with the proxy's own cookie for a visitor. It
// ends with the browser's session.
func (v visitor) cookie(secure bool) string {
	line := ownCookie + "=" + strconv.Itoa(v.bucket) + "; Path=/; HttpOnly; SameSite=Lax"
	if secure {
		line += "; Secure"
	}
	return line
}

// clientAddress gives the client's address without its port. Behind a trusted
// proxy that is the last X-Forwarded-For entry, the one that proxy wrote.
func clientAddress(r *http.Request, trust bool) string {
	if all := r.Header["X-Forwarded-For"]; trust && len(all) > 0 {
		last := all[len(all)-1]
		if a := strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]); a != "" {
			return a
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// sequence hands out buckets to visitors without a key. Consecutive buckets
// lie far apart and every 10,000 cover each bucket once, so even a few new
// visitors split by weight, and the split of many is exact.
type sequence struct{ n atomic.Uint64 }

func newSequence() *sequence {
	s := &sequence{}
	s.n.Store(rand.Uint64N(buckets))
	return s
}

func (s *sequence) bucket() int {
	const step = 6181 // next to the golden section of 10,000, and without a common factor with it
	return int(s.n.Add(1) % buckets * step % buckets)
}
