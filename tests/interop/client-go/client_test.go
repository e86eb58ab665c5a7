// Package interop drives the API server with client-go, the library of kubectl, of the controllers
// of Kubernetes and of most operators. KUBECONFIG names the server.
package interop

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/util/retry"
)

const space = "azure-iot-operations"

var assets = schema.GroupVersionResource{
	Group: "deviceregistry.microsoft.com", Version: "v1", Resource: "assets",
}

func config(t *testing.T) *rest.Config {
	t.Helper()
	out, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	out.QPS, out.Burst = 1000, 1000
	return out
}

func clients(t *testing.T) (kubernetes.Interface, dynamic.ResourceInterface) {
	t.Helper()
	return kubernetes.NewForConfigOrDie(config(t)),
		dynamic.NewForConfigOrDie(config(t)).Resource(assets).Namespace(space)
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func asset(name string, spec map[string]any) *unstructured.Unstructured {
	if spec == nil {
		spec = map[string]any{}
	}
	spec["assetEndpointProfileRef"] = "plant"
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "deviceregistry.microsoft.com/v1", "kind": "Asset",
		"metadata": map[string]any{"name": name, "namespace": space},
		"spec":     spec,
	}}
}

func until(t *testing.T, what string, probe func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(within(t), 20*time.Millisecond, 20*time.Second, true,
		func(context.Context) (bool, error) { return probe(), nil })
	if err != nil {
		t.Fatalf("waited in vain for: %s", what)
	}
}

func TestDiscoveryAndMapping(t *testing.T) {
	client := discovery.NewDiscoveryClientForConfigOrDie(config(t))
	groups, lists, err := client.ServerGroupsAndResources()
	if err != nil || len(groups) < 4 || len(lists) < 5 {
		t.Fatalf("%d groups, %d lists, %v", len(groups), len(lists), err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client))
	mapping, err := mapper.RESTMapping(schema.GroupKind{Group: assets.Group, Kind: "Asset"})
	if err != nil || mapping.Resource != assets || mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		t.Fatalf("%+v, %v", mapping, err)
	}
	schemas, err := client.OpenAPIV3().Paths()
	if err != nil || schemas["apis/deviceregistry.microsoft.com/v1"] == nil {
		t.Fatalf("%v, %v", schemas, err)
	}
}

func TestApplyHasOwnersAndConflicts(t *testing.T) {
	_, resource := clients(t)
	ctx := within(t)
	apply := func(manager, display string, force bool) (*unstructured.Unstructured, error) {
		return resource.Apply(ctx, "owned", asset("owned", map[string]any{"displayName": display}),
			metav1.ApplyOptions{FieldManager: manager, Force: force})
	}
	if _, err := apply("first", "A", false); err != nil {
		t.Fatal(err)
	}
	_, err := apply("second", "B", false)
	if !errors.IsConflict(err) || !errors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict) {
		t.Fatalf("wanted a conflict of field managers, got %v", err)
	}
	taken, err := apply("second", "B", true)
	if err != nil {
		t.Fatal(err)
	}
	display, _, _ := unstructured.NestedString(taken.Object, "spec", "displayName")
	if display != "B" {
		t.Fatalf("displayName is %q", display)
	}
}

func TestUpdateConflictsAreRetried(t *testing.T) {
	core, _ := clients(t)
	ctx := within(t)
	maps := core.CoreV1().ConfigMaps(space)
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "counter"}},
		metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	const writers = 8
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			err := retry.OnError(wait.Backoff{Steps: 100, Duration: time.Millisecond, Jitter: 1},
				errors.IsConflict, func() error {
					now, err := maps.Get(ctx, "counter", metav1.GetOptions{})
					if err != nil {
						return err
					}
					if now.Data == nil {
						now.Data = map[string]string{}
					}
					now.Data[fmt.Sprint("writer-", i)] = "was here"
					_, err = maps.Update(ctx, now, metav1.UpdateOptions{})
					return err
				})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	now, err := maps.Get(ctx, "counter", metav1.GetOptions{})
	if err != nil || len(now.Data) != writers {
		t.Fatalf("%d of %d writes are there, %v", len(now.Data), writers, err)
	}
}

func TestInformerFollows(t *testing.T) {
	_, resource := clients(t)
	ctx := within(t)
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(
		dynamic.NewForConfigOrDie(config(t)), 0, space,
		func(options *metav1.ListOptions) { options.LabelSelector = "test=informer" })
	informer := factory.ForResource(assets)
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.Informer().HasSynced) {
		t.Fatal("the informer did not synchronise")
	}
	const count = 200
	for i := range count {
		each := asset(fmt.Sprint("informed-", i), nil)
		each.SetLabels(map[string]string{"test": "informer"})
		if _, err := resource.Create(ctx, each, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all objects in the cache", func() bool { return len(informer.Informer().GetStore().List()) == count })
	if err := resource.DeleteCollection(ctx, metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: "test=informer"}); err != nil {
		t.Fatal(err)
	}
	until(t, "an empty cache", func() bool { return len(informer.Informer().GetStore().List()) == 0 })
}

func TestPagesShowOneMoment(t *testing.T) {
	_, resource := clients(t)
	ctx := within(t)
	for i := range 25 {
		each := asset(fmt.Sprintf("page-%02d", i), nil)
		each.SetLabels(map[string]string{"test": "pages"})
		if _, err := resource.Create(ctx, each, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	pages := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) {
		options.LabelSelector = "test=pages"
		return resource.List(ctx, options)
	}))
	pages.PageSize = 4
	seen := map[string]bool{}
	err := pages.EachListItem(ctx, metav1.ListOptions{}, func(object runtime.Object) error {
		name := object.(*unstructured.Unstructured).GetName()
		if len(seen) == 0 {
			// What comes between two pages belongs to neither.
			late := asset("page-99", nil)
			late.SetLabels(map[string]string{"test": "pages"})
			if _, err := resource.Create(ctx, late, metav1.CreateOptions{}); err != nil {
				return err
			}
		}
		if seen[name] {
			return fmt.Errorf("%s came twice", name)
		}
		seen[name] = true
		return nil
	})
	if err != nil || len(seen) != 25 || seen["page-99"] {
		t.Fatalf("%d objects, with the late one: %v, %v", len(seen), seen["page-99"], err)
	}
}

func TestMetadataOnly(t *testing.T) {
	_, resource := clients(t)
	ctx := within(t)
	if _, err := resource.Create(ctx, asset("meta", nil), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	partial, err := metadata.NewForConfigOrDie(config(t)).Resource(assets).Namespace(space).
		Get(ctx, "meta", metav1.GetOptions{})
	if err != nil || partial.Name != "meta" || partial.UID == "" {
		t.Fatalf("%+v, %v", partial, err)
	}
	patched, err := resource.Patch(ctx, "meta", types.JSONPatchType,
		[]byte(`[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]`), metav1.PatchOptions{})
	if err != nil || patched.GetLabels()["a"] != "b" {
		t.Fatalf("%v, %v", patched, err)
	}
}

func TestOwnedObjectsGoWithTheirOwner(t *testing.T) {
	core, resource := clients(t)
	ctx := within(t)
	owner, err := resource.Create(ctx, asset("owner", nil), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	maps := core.CoreV1().ConfigMaps(space)
	owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owned", OwnerReferences: []metav1.OwnerReference{
		*metav1.NewControllerRef(owner, schema.GroupVersionKind{Group: assets.Group, Version: "v1", Kind: "Asset"}),
	}}}
	if _, err := maps.Create(ctx, owned, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	foreground := metav1.DeletePropagationForeground
	if err := resource.Delete(ctx, "owner", metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		t.Fatal(err)
	}
	until(t, "both to be gone", func() bool {
		_, ofMap := maps.Get(ctx, "owned", metav1.GetOptions{})
		_, ofOwner := resource.Get(ctx, "owner", metav1.GetOptions{})
		return errors.IsNotFound(ofMap) && errors.IsNotFound(ofOwner)
	})
}

func TestLeaderElection(t *testing.T) {
	core, _ := clients(t)
	ctx := within(t)
	var leaders sync.Map
	candidate := func(ctx context.Context, name string) {
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{
				LeaseMeta:  metav1.ObjectMeta{Name: "leader", Namespace: space},
				Client:     core.CoordinationV1(),
				LockConfig: resourcelock.ResourceLockConfig{Identity: name},
			},
			LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 100 * time.Millisecond,
			ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leaders.Store(name, true) },
				OnStoppedLeading: func() { leaders.Delete(name) },
			},
		})
	}
	leads := func(name string) bool { _, ok := leaders.Load(name); return ok }
	first, stepDown := context.WithCancel(ctx)
	go candidate(first, "a")
	until(t, "a to lead", func() bool { return leads("a") })
	go candidate(ctx, "b")
	stepDown()
	until(t, "b to lead after a", func() bool { return leads("b") && !leads("a") })
}
