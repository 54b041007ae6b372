// Package network is the wire between pods: a bridge that is every node's, and
// for each pod a network namespace with an address on it.
package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"fairlead.dev/test/cluster/enclosure"
)

const (
	bridgeName = "pods"
	prefixBits = 16
)

// Addresses of the network 10.244.0.0/16: its gateway, nodes from 10.244.0.2
// on, pods from 10.244.1.0 on.
var (
	gateway  = netip.AddrFrom4([4]byte{10, 244, 0, 1})
	firstPod = netip.AddrFrom4([4]byte{10, 244, 1, 0})
	network  = netip.PrefixFrom(gateway, prefixBits).Masked()
)

// ErrFull is given when every address is taken.
var ErrFull = errors.New("no pod address is left")

// Bridge connects pods with each other and with the namespace it is in.
type Bridge struct {
	link *netlink.Bridge

	mu    sync.Mutex
	last  netip.Addr
	taken map[netip.Addr]bool
	count int // interfaces ever made, for their names
}

// NewBridge makes the bridge in the caller's network namespace, and lets it
// route: services is the range of the Services' addresses, which are made
// reachable by way of the bridge.
func NewBridge(services string) (*Bridge, error) {
	link := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs()}
	link.Name = bridgeName
	if err := netlink.LinkAdd(link); err != nil {
		return nil, fmt.Errorf("make bridge: %w", err)
	}
	b := &Bridge{link: link, last: firstPod, taken: map[netip.Addr]bool{}}
	if err := b.AddAddress(gateway); err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return nil, err
	}
	_, destination, err := net.ParseCIDR(services)
	if err != nil {
		return nil, err
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Index, Dst: destination}); err != nil {
		return nil, fmt.Errorf("route services: %w", err)
	}
	if err := enclosure.Sysctl("net/ipv4/ip_forward", "1"); err != nil {
		return nil, err
	}
	// Without it packets between two pods pass the bridge unseen by the rules
	// that turn a Service's address back. The module may not be loaded: a
	// cluster without Services works all the same.
	err = enclosure.Sysctl("net/bridge/bridge-nf-call-iptables", "1")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return b, nil
}

// AddAddress gives the bridge one more address, such as a node's.
func (b *Bridge) AddAddress(address netip.Addr) error {
	if err := netlink.AddrAdd(b.link, interfaceAddress(address)); err != nil {
		return fmt.Errorf("add %s to the bridge: %w", address, err)
	}
	return nil
}

// CIDR is the range of all addresses of pods and nodes.
func CIDR() string { return network.String() }

// NodeAddress is the address of node n, counted from 0.
func NodeAddress(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 244, 0, byte(2 + n)})
}

// Pod is the network of one pod.
type Pod struct {
	Address netip.Addr

	bridge    *Bridge
	namespace *os.File
	link      netlink.Link // the bridge's end
}

// Attach makes a network namespace that is connected to the bridge.
func (b *Bridge) Attach() (*Pod, error) {
	address, name, err := b.take()
	if err != nil {
		return nil, err
	}
	namespace, err := newNamespace()
	if err != nil {
		b.release(address)
		return nil, fmt.Errorf("make network namespace: %w", err)
	}
	p := &Pod{Address: address, bridge: b, namespace: namespace}
	if err := p.connect(name); err != nil {
		p.Detach()
		return nil, fmt.Errorf("connect pod %s: %w", address, err)
	}
	return p, nil
}

// Path names the pod's namespace for enclosure.Join.
func (p *Pod) Path() string { return fmt.Sprintf("/proc/self/fd/%d", p.namespace.Fd()) }

// Detach ends the pod's network. Processes that are still in it lose their
// connection.
func (p *Pod) Detach() {
	if p.link != nil {
		_ = netlink.LinkDel(p.link)
	}
	p.namespace.Close()
	p.bridge.release(p.Address)
}

func (p *Pod) connect(name string) error {
	inside := netns.NsHandle(p.namespace.Fd())
	veth := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: "eth0", PeerNamespace: netlink.NsFd(inside)}
	veth.Name = name
	veth.MasterIndex = p.bridge.link.Index
	if err := netlink.LinkAdd(veth); err != nil {
		return err
	}
	p.link = veth
	if err := netlink.LinkSetUp(veth); err != nil {
		return err
	}
	handle, err := netlink.NewHandleAt(inside)
	if err != nil {
		return err
	}
	defer handle.Close()
	for _, name := range []string{"lo", "eth0"} {
		link, err := handle.LinkByName(name)
		if err != nil {
			return err
		}
		if name == "eth0" {
			if err := handle.AddrAdd(link, interfaceAddress(p.Address)); err != nil {
				return err
			}
		}
		if err := handle.LinkSetUp(link); err != nil {
			return err
		}
	}
	return handle.RouteAdd(&netlink.Route{Gw: gateway.AsSlice()})
}

// take finds a free address, the one released longest ago last: a client that
// still knows an ended pod should not reach a new one by mistake.
func (b *Bridge) take() (netip.Addr, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range 1 << prefixBits {
		b.last = b.last.Next()
		if !network.Contains(b.last.Next()) {
			b.last = firstPod.Next()
		}
		if !b.taken[b.last] {
			b.taken[b.last] = true
			b.count++
			return b.last, fmt.Sprintf("pod%d", b.count), nil
		}
	}
	return netip.Addr{}, "", ErrFull
}

func (b *Bridge) release(address netip.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.taken, address)
}

// newNamespace gives a new network namespace, which lasts as long as the file
// is open or a process is in it.
func newNamespace() (namespace *os.File, err error) {
	err = enclosure.Join("/proc/self/ns/net", func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		namespace, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return namespace, err
}

func interfaceAddress(address netip.Addr) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(prefixBits, 32)}}
}
