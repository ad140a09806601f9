package functions_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"text/tabwriter"
	"time"
)

// warmCalls are made to one process of each subject, after its first.
const warmCalls = 200

// A subject is a binary with the event that it is started for.
type subject struct {
	name   string
	binary string
	size   int64 // in bytes, for linux/arm64
	env    []string
	event  []byte

	cold, cpu, memory []float64 // ms, ms and MiB, one of each process
	warm              float64   // ms
}

// BenchmarkBootstrap starts the binaries of authorize and exchange as Lambda
// does, beside a hello world with the same SDK clients, in turn, and prints
// what each costs. -benchtime=31x starts each 31 times.
//
// DynamoDB and KMS are in this process and share its cores. What Lambda does
// before it starts a binary, and TLS, are not in it.
func BenchmarkBootstrap(b *testing.B) {
	subjects := newSubjects(b)
	for b.Loop() {
		for _, s := range subjects {
			s.start(b)
		}
	}
	for _, s := range subjects {
		s.keepWarm(b)
	}
	b.ReportMetric(0, "ns/op") // the table says it better
	report(subjects)
}

func newSubjects(b *testing.B) []*subject {
	cloud, events := newCloud(b), readEvents(b)
	here, arm64 := []string{"CGO_ENABLED=0"}, []string{"GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0"}
	packages := []string{"./authorize", "./exchange", "./testdata/hello"}
	dir, deployed := build(b, here, packages...), build(b, arm64, packages...)
	token := cloud.create(b, "ci")

	var all []*subject
	for _, s := range []subject{
		{name: "hello", env: environ(cloud.env), event: []byte(`{}`)},
		{name: "hello, authorize's calls", env: environ(cloud.env), event: fmt.Appendf(nil, `{"Reads":2,"Table":%q}`, table)},
		{name: "hello, exchange's calls", env: environ(cloud.env), event: fmt.Appendf(nil, `{"Reads":2,"Table":%q,"Key":%q}`, table, keyID)},
		{name: "authorize", env: environ(cloud.env, needs("authorize")), event: fill(events["authorize"]["authorize"], token.Value, token.ID)},
		{name: "exchange", env: environ(cloud.env, needs("exchange")), event: fill(events["exchange"]["exchange"], token.Value, token.ID)},
	} {
		binary := regexp.MustCompile(`^\w+`).FindString(s.name)
		s.binary = filepath.Join(dir, binary)
		info, err := os.Stat(filepath.Join(deployed, binary))
		if err != nil {
			b.Fatal(err)
		}
		s.size = info.Size()
		all = append(all, &s)
	}
	return all
}

// start measures one process from its start to its first answer, with the event
// waiting.
func (s *subject) start(b *testing.B) {
	api := newRuntimeAPI(b)
	defer api.Close()
	api.events <- s.event
	began := time.Now()
	p := spawn(b, api, s.binary, s.env)
	r := p.reply(b)
	took := time.Since(began)
	memory := peak(p.cmd.Process.Pid)
	p.kill()
	if r.failed {
		b.Fatalf("%s failed: %s", s.name, redact(string(r.body)))
	}
	used := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	s.cold = append(s.cold, ms(took))
	s.cpu = append(s.cpu, ms(used))
	s.memory = append(s.memory, memory)
}

// keepWarm measures the later invocations of one process.
func (s *subject) keepWarm(b *testing.B) {
	p := spawn(b, newRuntimeAPI(b), s.binary, s.env)
	defer p.kill()
	p.invoke(b, s.event)
	var each []float64
	for range warmCalls {
		began := time.Now()
		p.invoke(b, s.event)
		each = append(each, ms(time.Since(began)))
	}
	s.warm = median(each)
}

// report prints the table; a number in brackets is the ratio to the first row.
func report(subjects []*subject) {
	first := subjects[0]
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Printf("\n%s/%s, %d cores, %d starts of each; size for linux/arm64\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), len(first.cold))
	fmt.Fprintln(w, "\tcold start: median ms\tmin ms\tCPU median ms\tpeak memory MiB\tsize MB\twarm median ms")
	for _, s := range subjects {
		fmt.Fprint(w, s.name)
		for _, of := range []func(*subject) float64{
			func(s *subject) float64 { return median(s.cold) },
			func(s *subject) float64 { return slices.Min(s.cold) },
			func(s *subject) float64 { return median(s.cpu) },
			func(s *subject) float64 { return median(s.memory) },
			func(s *subject) float64 { return float64(s.size) / 1e6 },
			func(s *subject) float64 { return s.warm },
		} {
			fmt.Fprintf(w, "\t%.2f (%.2f)", of(s), of(s)/of(first))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}

// peak returns the most memory that a process had in use so far, in MiB; not a
// number where the system does not tell. (What wait returns is no use: on Linux
// it is never less than this process itself had when it started the other.)
func peak(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return math.NaN()
	}
	found := regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`).FindSubmatch(status)
	if found == nil {
		return math.NaN()
	}
	kib, _ := strconv.Atoi(string(found[1])) // digits alone
	return float64(kib) / 1024
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
