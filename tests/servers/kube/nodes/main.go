// Command nodes plays the scheduler and the kubelets of a cluster that has neither: it starts no container, but says of
// each pod what a node would say. Everything else is Kubernetes' own.
//
// A pod that is to run becomes ready, one that is to end succeeds, and one that is deleted is gone. Two words in a pod
// make it otherwise:
//
//	image tag "bad"          the image cannot be pulled
//	ORDERFLOW_BOOTSTRAP      on the host "refused" a command ends with 1; on "away" the first pod of a Job ends with 3
package main

import (
	"context"
	"flag"
	"log"
	"os/signal"
	"strings"
	"syscall"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
)

const node = "node"

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 200
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]())
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods()
	enqueue := func(object any) {
		if name, err := cache.ObjectToName(object); err == nil {
			queue.Add(name)
		}
	}
	if _, err := pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
	}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go func() {
		<-ctx.Done()
		queue.ShutDown()
	}()
	it := nodes{client: client, pods: pods.Lister(), away: map[types.UID]types.UID{}}
	for {
		name, stopped := queue.Get()
		if stopped {
			return nil
		}
		if err := it.sync(ctx, name); err != nil {
			log.Printf("%s: %v", name, err)
			queue.AddRateLimited(name)
		} else {
			queue.Forget(name)
		}
		queue.Done(name)
	}
}

type nodes struct {
	client kubernetes.Interface
	pods   listers.PodLister
	// Which pod of a Job, by the Job, found its Kafka away.
	away map[types.UID]types.UID
}

// sync takes a pod one step further. Each step is a change of the pod, which brings it here again.
func (it *nodes) sync(ctx context.Context, name cache.ObjectName) error {
	pod, err := it.pods.Pods(name.Namespace).Get(name.Name)
	if errors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	client := it.client.CoreV1().Pods(pod.Namespace)
	switch {
	case pod.DeletionTimestamp != nil:
		err = client.Delete(ctx, pod.Name, meta.DeleteOptions{
			GracePeriodSeconds: ptr.To[int64](0),
			Preconditions:      meta.NewUIDPreconditions(string(pod.UID)),
		})
	case pod.Spec.NodeName == "":
		err = client.Bind(ctx, &core.Binding{
			ObjectMeta: meta.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
			Target:     core.ObjectReference{Kind: "Node", Name: node},
		}, meta.CreateOptions{})
	case pod.Status.Phase == core.PodPending:
		changed := pod.DeepCopy()
		changed.Status = it.start(changed)
		if !equality.Semantic.DeepEqual(pod.Status, changed.Status) {
			_, err = client.UpdateStatus(ctx, changed, meta.UpdateOptions{})
		}
	}
	// Somebody else was here first: what they did brings the pod here again.
	if errors.IsNotFound(err) || errors.IsConflict(err) {
		return nil
	}
	return err
}

// start is the status of a pod whose containers are started now.
func (it *nodes) start(pod *core.Pod) core.PodStatus {
	status := *pod.Status.DeepCopy()
	if strings.HasSuffix(pod.Spec.Containers[0].Image, ":bad") {
		waiting := &core.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "there is no such image"}
		status.ContainerStatuses = all(pod.Spec.Containers, core.ContainerState{Waiting: waiting})
		return status
	}
	now := meta.Now()
	status.StartTime = &now
	if pod.Spec.RestartPolicy != core.RestartPolicyNever {
		status.Phase = core.PodRunning
		status.ContainerStatuses = all(pod.Spec.Containers, core.ContainerState{
			Running: &core.ContainerStateRunning{StartedAt: now},
		})
		for _, condition := range []core.PodConditionType{core.PodInitialized, core.ContainersReady, core.PodReady} {
			status.Conditions = append(status.Conditions, core.PodCondition{
				Type: condition, Status: core.ConditionTrue, LastTransitionTime: now,
			})
		}
		return status
	}
	done := core.ContainerState{Terminated: &core.ContainerStateTerminated{
		Reason: "Completed", StartedAt: now, FinishedAt: now,
	}}
	status.Phase = core.PodSucceeded
	status.InitContainerStatuses = all(pod.Spec.InitContainers, done)
	status.ContainerStatuses = all(pod.Spec.Containers, done)
	if code, said := it.exit(pod); code != 0 {
		failed := core.ContainerState{Terminated: &core.ContainerStateTerminated{
			Reason: "Error", ExitCode: code, Message: said, StartedAt: now, FinishedAt: now,
		}}
		status.Phase = core.PodFailed
		// The first step fails; the others are never started.
		never := core.ContainerState{Waiting: &core.ContainerStateWaiting{Reason: "PodInitializing"}}
		if len(pod.Spec.InitContainers) > 0 {
			status.InitContainerStatuses = all(pod.Spec.InitContainers, never)
			status.InitContainerStatuses[0].State = failed
			status.ContainerStatuses = all(pod.Spec.Containers, never)
		} else {
			status.ContainerStatuses = all(pod.Spec.Containers, failed)
		}
	}
	return status
}

// exit is what a command ends with, and says last.
func (it *nodes) exit(pod *core.Pod) (int32, string) {
	host := ""
	for _, env := range pod.Spec.Containers[0].Env {
		if env.Name == "ORDERFLOW_BOOTSTRAP" {
			host, _, _ = strings.Cut(env.Value, ":")
		}
	}
	job := meta.GetControllerOf(pod)
	switch {
	case host == "refused":
		return 1, "error: topic \"orders.v1\" would lose partitions"
	case host == "away" && job != nil:
		if _, again := it.away[job.UID]; !again {
			it.away[job.UID] = pod.UID
		}
		if it.away[job.UID] == pod.UID {
			return 3, "error: Kafka does not answer"
		}
	}
	return 0, ""
}

// all says the same of each of these containers.
func all(containers []core.Container, state core.ContainerState) []core.ContainerStatus {
	var statuses []core.ContainerStatus
	running := state.Running != nil
	for _, container := range containers {
		statuses = append(statuses, core.ContainerStatus{
			Name: container.Name, Image: container.Image, State: state, Ready: running, Started: ptr.To(running),
		})
	}
	return statuses
}
