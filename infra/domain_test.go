package main

import (
	"slices"
	"testing"
)

func TestDomain(t *testing.T) {
	needNode(t)
	tm := everything()
	id, d := tm.one(t, "AWS::ApiGateway::DomainName")
	if d.Properties["DomainName"] != "pat.example.com" || d.Properties["SecurityPolicy"] != "TLS_1_2" ||
		text(at(d.Properties, "EndpointConfiguration", "Types")) != `["REGIONAL"]` {
		t.Errorf("the domain is %s", text(d.Properties))
	}
	_, mapping := tm.one(t, "AWS::ApiGateway::BasePathMapping")
	stage, _ := tm.one(t, "AWS::ApiGateway::Stage")
	// Without a base path: the issuer has none.
	if mapping.Properties["BasePath"] != nil || text(mapping.Properties["Stage"]) != "${"+stage+"}" || text(mapping.Properties["DomainName"]) != "${"+id+"}" {
		t.Errorf("it leads to %s", text(mapping.Properties))
	}
	_, record := tm.one(t, "AWS::Route53::RecordSet")
	if record.Properties["Name"] != "pat.example.com." || record.Properties["HostedZoneId"] != "Z0" {
		t.Errorf("the record is %s", text(record.Properties))
	}

	// IAM calls the address while it makes the provider.
	_, provider := tm.one(t, "AWS::IAM::OIDCProvider")
	for _, kind := range []string{"AWS::ApiGateway::Stage", "AWS::ApiGateway::BasePathMapping", "AWS::Route53::RecordSet"} {
		if id, _ := tm.one(t, kind); !slices.Contains(list(provider.DependsOn), any(id)) {
			t.Errorf("the provider does not wait for the %s: %v", kind, provider.DependsOn)
		}
	}

	c := fullConfig()
	c.Domain.ZoneID, c.Domain.ZoneName = "", ""
	tm = synthesize(c)
	if tm.Outputs["DomainTarget"] == nil {
		t.Error("nothing says what the name must point at")
	}
	for id, r := range tm.Resources {
		if r.Type == "AWS::Route53::RecordSet" {
			t.Errorf("%s is in a zone that nobody named", id)
		}
	}
}
