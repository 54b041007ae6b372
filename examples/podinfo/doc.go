// Package podinfo delivers github.com/stefanprodan/podinfo, a service that
// nobody here wrote. The module holds no code of its own: its go.mod pins the
// version, fairlead.yaml says how it is built and released, and the test holds
// that it behaves as the delivery expects.
package podinfo
