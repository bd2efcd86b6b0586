// Serves clusters and endpoints from go-control-plane's own caches, for `make bench` to compare with.
//
// Each line of standard input is one change: discovery responses in base64, separated by spaces. The
// first line is the initial state; its answer is the port. All others are answered when applied. An
// empty line is no change: it collects garbage and gives free memory back.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	_ "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	cache "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	server "github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

var served = []string{resource.ClusterType, resource.EndpointType, resource.ListenerType}

// store is one of go-control-plane's caches.
type store interface {
	update(changes map[string]map[string]types.Resource) error
	cache() cache.Cache
}

// linear has one collection per type: watchers are told what changed.
type linear struct{ mux *cache.MuxCache }

func newLinear() linear {
	mux := &cache.MuxCache{
		Classify:      func(r *cache.Request) string { return r.GetTypeUrl() },
		ClassifyDelta: func(r *cache.DeltaRequest) string { return r.GetTypeUrl() },
		Caches:        map[string]cache.Cache{},
	}
	for _, typeURL := range served {
		mux.Caches[typeURL] = cache.NewLinearCache(typeURL)
	}
	return linear{mux}
}

func (l linear) cache() cache.Cache { return l.mux }

func (l linear) update(changes map[string]map[string]types.Resource) error {
	for _, typeURL := range served {
		if changed := changes[typeURL]; len(changed) > 0 {
			if err := l.mux.Caches[typeURL].(*cache.LinearCache).UpdateResources(changed, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// everybody makes all nodes share one snapshot.
type everybody struct{}

func (everybody) ID(*core.Node) string { return "" }

// snapshot is a whole state for all nodes: caches compare it with what each stream holds.
type snapshot struct {
	of      cache.SnapshotCache
	all     map[string]map[string]types.Resource
	version int
}

func newSnapshot() *snapshot {
	all := map[string]map[string]types.Resource{}
	for _, typeURL := range served {
		all[typeURL] = map[string]types.Resource{}
	}
	return &snapshot{of: cache.NewSnapshotCache(true, everybody{}, nil), all: all}
}

func (s *snapshot) cache() cache.Cache { return s.of }

func (s *snapshot) update(changes map[string]map[string]types.Resource) error {
	for typeURL, changed := range changes {
		for name, each := range changed {
			s.all[typeURL][name] = each
		}
	}
	listed := map[resource.Type][]types.Resource{}
	for typeURL, resources := range s.all {
		for _, each := range resources {
			listed[typeURL] = append(listed[typeURL], each)
		}
	}
	s.version++
	made, err := cache.NewSnapshot(strconv.Itoa(s.version), listed)
	if err != nil {
		return err
	}
	return s.of.SetSnapshot(context.Background(), "", made)
}

func parse(line string) (map[string]map[string]types.Resource, error) {
	changes := map[string]map[string]types.Resource{}
	for _, text := range strings.Fields(line) {
		body, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		response := &discovery.DiscoveryResponse{}
		if err := proto.Unmarshal(body, response); err != nil {
			return nil, err
		}
		of := map[string]types.Resource{}
		for _, packed := range response.GetResources() {
			each, err := packed.UnmarshalNew()
			if err != nil {
				return nil, err
			}
			of[cache.GetResourceName(each)] = each
		}
		changes[response.GetTypeUrl()] = of
	}
	return changes, nil
}

func serve(of cache.Cache) (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	made := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(
		made, server.NewServer(context.Background(), of, nil))
	go func() { log.Fatal(made.Serve(listener)) }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func main() {
	kind := flag.String("cache", "linear", "linear or snapshot")
	flag.Parse()
	var kept store = newLinear()
	if *kind == "snapshot" {
		kept = newSnapshot()
	}
	lines := bufio.NewReader(os.Stdin)
	for first := true; ; first = false {
		line, err := lines.ReadString('\n')
		if err != nil {
			return // whoever started us has gone
		}
		if strings.TrimSpace(line) == "" {
			debug.FreeOSMemory()
			fmt.Println("trimmed")
			continue
		}
		changes, err := parse(line)
		if err == nil {
			err = kept.update(changes)
		}
		if err != nil {
			log.Fatal(err)
		}
		answer := "applied"
		if first {
			port, err := serve(kept.cache())
			if err != nil {
				log.Fatal(err)
			}
			answer = strconv.Itoa(port)
		}
		fmt.Println(answer)
	}
}
