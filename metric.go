package fairlead

// MetricsServer is where counters are read that a target does not keep itself.
// It holds no secret: Authorization is the name of a variable.
type MetricsServer struct {
	Type          string   `json:"type"`                    // "prometheus"
	URL           string   `json:"url"`                     // base URL: "http://127.0.0.1:9090"
	CA            string   `json:"ca,omitempty"`            // path of a PEM file of authorities; empty: the system's
	Authorization string   `json:"authorization,omitempty"` // environment variable that holds the header's value
	Timeout       Duration `json:"timeout"`                 // of one reading, further attempts included
	Stale         Duration `json:"stale"`                   // a sample older than this is missing data
}

// Reading is what a metrics server says of one expression at one moment.
type Reading struct {
	Series  []Counter // at least one, unless Missing says why there is none
	Missing string    // why nothing is known, for people
}

// Counter is one series of a reading: a number that only grows, or starts
// anew when its process does.
type Counter struct {
	ID    string  // its labels, the same for the same series at every reading
	Group string  // its labels without le: what the buckets of one histogram share
	LE    string  // upper bound of a histogram's bucket, as it is written: "0.25", "+Inf"; empty for others
	Value float64 // finite, at least 0
}
