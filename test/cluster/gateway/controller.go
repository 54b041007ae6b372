// Package gateway is a small implementation of the Gateway API for tests: it
// accepts Gateways and HTTPRoutes, says so in their status, and moves real
// HTTP traffic to the pods behind their backends by the routes' weights.
//
// It can misbehave when a test asks for it, by annotations on a route or on its
// Gateway: see Misbehaviour.
package gateway

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/gateway-api/pkg/client/clientset/versioned"
	gatewayinformers "sigs.k8s.io/gateway-api/pkg/client/informers/externalversions"
	gatewaylisters "sigs.k8s.io/gateway-api/pkg/client/listers/apis/v1"
)

// ControllerName is what a GatewayClass names to get this gateway.
const ControllerName = "fairlead.dev/test-gateway"

// Network gives addresses for Gateways to listen at.
type Network interface {
	AddAddress(address netip.Addr) error
}

// Controller keeps the data plane and the statuses in step with the objects.
type Controller struct {
	network  Network
	addressN func(n int) netip.Addr
	client   versioned.Interface
	classes  gatewaylisters.GatewayClassLister
	gateways gatewaylisters.GatewayLister
	routes   gatewaylisters.HTTPRouteLister
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister

	wake      chan struct{}
	plane     *plane
	addresses map[types.UID]netip.Addr
	memory    map[types.UID]*memory
}

// memory is what is remembered of a route: what it was when it last was put
// into effect, and since when it waits to be again.
type memory struct {
	seen      int64 // the newest generation, known since
	since     time.Time
	effective *gatewayv1.HTTPRoute
}

// Run serves Gateways of classes that name ControllerName until ctx ends.
// Gateway n gets the address that address gives for n, counted from 0.
func Run(ctx context.Context, config *rest.Config, network Network, address func(n int) netip.Addr) error {
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	client, err := versioned.NewForConfig(config)
	if err != nil {
		return err
	}
	coreFactory := informers.NewSharedInformerFactory(core, 0)
	factory := gatewayinformers.NewSharedInformerFactory(client, 0)
	api := factory.Gateway().V1()
	c := &Controller{
		network: network, addressN: address, client: client,
		classes: api.GatewayClasses().Lister(), gateways: api.Gateways().Lister(), routes: api.HTTPRoutes().Lister(),
		services: coreFactory.Core().V1().Services().Lister(),
		slices:   coreFactory.Discovery().V1().EndpointSlices().Lister(),
		wake:     make(chan struct{}, 1), plane: newPlane(),
		addresses: map[types.UID]netip.Addr{}, memory: map[types.UID]*memory{},
	}
	for _, informer := range []cache.SharedIndexInformer{
		api.GatewayClasses().Informer(), api.Gateways().Informer(), api.HTTPRoutes().Informer(),
		coreFactory.Core().V1().Services().Informer(), coreFactory.Discovery().V1().EndpointSlices().Informer(),
	} {
		if _, err := informer.AddEventHandler(c.handler()); err != nil {
			return err
		}
	}
	coreFactory.Start(ctx.Done())
	factory.Start(ctx.Done())
	coreFactory.WaitForCacheSync(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	defer c.plane.close()
	return c.loop(ctx)
}

// handler wakes the loop whatever happens: everything is looked at each time.
func (c *Controller) handler() cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { c.poke() },
		UpdateFunc: func(any, any) { c.poke() },
		DeleteFunc: func(any) { c.poke() },
	}
}

func (c *Controller) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Controller) loop(ctx context.Context) error {
	for {
		next := c.reconcile(ctx)
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-c.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// reconcile looks at everything once, and gives how long that holds.
func (c *Controller) reconcile(ctx context.Context) time.Duration {
	next := time.Minute
	fail := func(err error) {
		if err != nil {
			next = time.Second // conflicts and lost connections: look again
		}
	}
	mine := map[string]bool{}
	classes, err := c.classes.List(labels.Everything())
	fail(err)
	for _, class := range classes {
		if class.Spec.ControllerName == ControllerName {
			mine[class.Name] = true
			fail(c.acceptClass(ctx, class))
		}
	}
	gateways, err := c.gateways.List(labels.Everything())
	fail(err)
	routes, err := c.routes.List(labels.Everything())
	fail(err)
	var served []*served
	for _, gateway := range gateways {
		if !mine[string(gateway.Spec.GatewayClassName)] {
			continue
		}
		s, err := c.admit(gateway)
		fail(err)
		served = append(served, s)
	}
	verdicts, wait := c.judge(served, routes)
	next = min(next, wait)
	// First the traffic, then the word that it flows.
	c.plane.set(c.table(served))
	for _, v := range verdicts {
		fail(c.writeRoute(ctx, v))
	}
	for _, s := range served {
		fail(c.writeGateway(ctx, s))
	}
	return next
}

// served is a Gateway of ours and what its listeners serve.
type served struct {
	gateway *gatewayv1.Gateway
	address netip.Addr
	routes  []*gatewayv1.HTTPRoute // in effect
	failure error
}

// admit gives a Gateway its address and its listeners.
func (c *Controller) admit(gateway *gatewayv1.Gateway) (*served, error) {
	s := &served{gateway: gateway}
	address, ok := c.addresses[gateway.UID]
	if !ok {
		address = c.addressN(len(c.addresses))
		if err := c.network.AddAddress(address); err != nil {
			s.failure = err
			return s, err
		}
		c.addresses[gateway.UID] = address
	}
	s.address = address
	for _, listener := range gateway.Spec.Listeners {
		if listener.Protocol != gatewayv1.HTTPProtocolType {
			s.failure = fmt.Errorf("listener %s: this gateway speaks HTTP only, not %s", listener.Name, listener.Protocol)
			continue
		}
		if err := c.plane.listen(netip.AddrPortFrom(address, uint16(listener.Port))); err != nil {
			s.failure = err
			return s, err
		}
	}
	return s, nil
}
