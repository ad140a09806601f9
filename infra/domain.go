package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53targets"
)

// addDomain gives the API an address of its own, which is the issuer then.
// Moving it ends every JWT.
func (s *service) addDomain() {
	d := s.config.Domain
	if d == nil {
		return
	}
	domain := awsapigateway.NewDomainName(s.Stack, new("Domain"), &awsapigateway.DomainNameProps{
		DomainName:     &d.Name,
		Certificate:    awscertificatemanager.Certificate_FromCertificateArn(s.Stack, new("Certificate"), &d.Certificate),
		EndpointType:   awsapigateway.EndpointType_REGIONAL,
		SecurityPolicy: awsapigateway.SecurityPolicy_TLS_1_2,
		Mapping:        s.api,
	})
	s.reachable = append(s.reachable, domain) // and its mapping to the stage
	if d.ZoneID == "" {
		awscdk.NewCfnOutput(s.Stack, new("DomainTarget"), &awscdk.CfnOutputProps{
			Description: new("What " + d.Name + " must point at"),
			Value:       domain.DomainNameAliasDomainName(),
		})
		return
	}
	record := awsroute53.NewARecord(s.Stack, new("DomainRecord"), &awsroute53.ARecordProps{
		Zone: awsroute53.HostedZone_FromHostedZoneAttributes(s.Stack, new("Zone"), &awsroute53.HostedZoneAttributes{
			HostedZoneId: &d.ZoneID,
			ZoneName:     &d.ZoneName,
		}),
		RecordName: new(d.Name + "."),
		Target:     awsroute53.RecordTarget_FromAlias(awsroute53targets.NewApiGatewayDomain(domain)),
	})
	s.reachable = append(s.reachable, record)
}
