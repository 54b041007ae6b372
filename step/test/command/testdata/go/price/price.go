// Package price adds up.
package price

// Sum adds the prices, in cents.
func Sum(prices ...int) int {
	total := 0
	for _, p := range prices {
		total += p
	}
	return total
}
