// Package gofn makes a Lambda function of a Go main package: built without
// Docker and the same bytes everywhere, on arm64, with a role of its own that
// may write the function's own log and nothing else. Whatever the function may
// touch beside it, the caller says.
//
// It refuses to know what a function is for.
package gofn

import (
	"fmt"
	"os"
	"path"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
)

// Props say which function and how it runs.
type Props struct {
	// Package is the import path of the main package. Its module must be the
	// app's own or one that the app requires.
	Package     string
	Description string
	// Files lie beside the binary. (All of a function's environment is at most
	// 4 KB; a file has no such bound.)
	Files       map[string][]byte
	Environment map[string]string
	// Timeout is at most 29 s behind API Gateway, 10 s for an authorizer. Zero
	// means 10 s.
	Timeout time.Duration
	// Concurrency reserves so many instances and allows no more. Zero reserves
	// none.
	Concurrency int
	// Binaries is a folder that holds <last part of Package>/bootstrap, built
	// before (make build). Empty means: build it here.
	Binaries string
}

// A Function is the construct, with what its caller needs of it.
type Function struct {
	awslambda.Function
	// Grants is the role: what is added to it, the function may do.
	Grants awsiam.Role
}

// memoryMiB decides the share of a processor too.
const memoryMiB = 256

// logRetention of what functions write.
const logRetention = awslogs.RetentionDays_THREE_MONTHS

// New builds the function and adds it. Like every construct it panics when it
// cannot.
func New(scope constructs.Construct, id string, p Props) Function {
	dir, err := os.MkdirTemp("", "gofn-*")
	if err != nil {
		panic(fmt.Sprintf("build function %s: %v", id, err))
	}
	defer os.RemoveAll(dir) // CDK has copied it by then
	if err := p.fill(dir); err != nil {
		panic(fmt.Sprintf("build function %s: %v", id, err))
	}
	in := constructs.NewConstruct(scope, &id)
	f := Function{
		Grants: awsiam.NewRole(in, new("Role"), &awsiam.RoleProps{
			AssumedBy: awsiam.NewServicePrincipal(new("lambda.amazonaws.com"), nil),
		}),
	}
	log := awslogs.NewLogGroup(in, new("Log"), &awslogs.LogGroupProps{
		Retention:     logRetention,
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	// On this log group alone: the managed policy that CDK attaches otherwise
	// writes to every log of the account.
	log.GrantWrite(f.Grants)
	environment := map[string]*string{}
	for name, value := range p.Environment {
		environment[name] = &value
	}
	props := &awslambda.FunctionProps{
		Description:  &p.Description,
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: awslambda.Architecture_ARM_64(),
		Handler:      new("bootstrap"),
		Code:         awslambda.Code_FromAsset(&dir, nil),
		Role:         f.Grants,
		LogGroup:     log,
		// In JSON the platform's own lines (START, END, REPORT: about 1 KB a
		// call, more than an authorizer costs) can be left out.
		LoggingFormat:    awslambda.LoggingFormat_JSON,
		SystemLogLevelV2: awslambda.SystemLogLevel_WARN,
		Tracing:          awslambda.Tracing_ACTIVE,
		Environment:      &environment,
		Timeout:          awscdk.Duration_Millis(new(float64(p.timeout().Milliseconds()))),
		MemorySize:       new(float64(memoryMiB)),
	}
	if p.Concurrency > 0 {
		props.ReservedConcurrentExecutions = new(float64(p.Concurrency))
	}
	f.Function = awslambda.NewFunction(in, new("Function"), props)
	return f
}

// name is what the folder of the package is called.
func (p Props) name() string { return path.Base(p.Package) }

func (p Props) timeout() time.Duration {
	if p.Timeout == 0 {
		return 10 * time.Second
	}
	return p.Timeout
}
