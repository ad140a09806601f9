package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"golang.org/x/oauth2"

	"github.com/counterfoil/counterfoil/pkg/client"
)

// A person's session creates a token; the token is used, and revoked.
func Example() {
	ctx := context.Background()
	session := client.NewSecret(os.Getenv("COUNTERFOIL_SESSION"))
	person, err := client.New(client.Config{Server: os.Getenv("COUNTERFOIL_SERVER"), Credential: client.Static(session)})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := person.Create(ctx, client.NewToken{
		Name:      "nightly build",
		Scopes:    []string{"notes:read"},
		ExpiresAt: client.At(time.Now().AddDate(0, 0, 30)),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer person.Revoke(ctx, token.ID)

	program, err := client.New(client.Config{Server: os.Getenv("COUNTERFOIL_SERVER"), Credential: client.Static(token.Value)})
	if err != nil {
		fmt.Println(err)
		return
	}
	who, err := program.Whoami(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(who.Kind, who.TokenName, who.Scopes)
	fmt.Println(token.Value) // a Secret does not print itself; Reveal returns it
	// Output:
	// pat nightly build [notes:read]
	// [secret]
}

// A worker holds a token, and shows an API only short-lived JWTs that can do
// less. They are renewed as long as the token lives.
func ExampleClient_TokenSource() {
	ctx := context.Background()
	worker, err := client.New(client.Config{Server: os.Getenv("COUNTERFOIL_SERVER"), Credential: client.Static(exampleToken())})
	if err != nil {
		fmt.Println(err)
		return
	}
	source := worker.TokenSource(ctx, client.ExchangeRequest{Scopes: []string{"notes:read"}})
	api := oauth2.NewClient(ctx, source)
	for _, method := range []string{"GET", "POST"} {
		req, err := http.NewRequest(method, os.Getenv("COUNTERFOIL_SERVER")+"/notes", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp, err := api.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(method, resp.Status)
	}
	// Output:
	// GET 200 OK
	// POST 403 Forbidden
}

// Errors are matched by their code.
func ExampleError() {
	program, err := client.New(client.Config{Server: os.Getenv("COUNTERFOIL_SERVER"), Credential: client.Static(exampleToken())})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = program.Create(context.Background(), client.NewToken{Name: "another", Scopes: []string{"notes:read"}})
	var refused *client.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Code)
	}
	fmt.Println(errors.Is(err, client.ErrForbidden)) // a token cannot manage tokens
	// Output:
	// 403 forbidden
	// true
}

// exampleToken makes one that can read and write notes.
func exampleToken() client.Secret {
	person, err := client.New(client.Config{Server: os.Getenv(envServer), Credential: client.Static(client.NewSecret(os.Getenv(envSession)))})
	if err != nil {
		panic(err)
	}
	token, err := person.Create(background(), client.NewToken{Name: time.Now().Format(time.RFC3339Nano), Scopes: []string{"notes:read", "notes:write"}})
	if err != nil {
		panic(err)
	}
	return token.Value
}
