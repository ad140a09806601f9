package handler

import (
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// tokenOf writes a token as its owner sees it.
func tokenOf(v pat.View) api.Token {
	t := api.Token{
		ID:                 string(v.ID),
		Name:               v.Name,
		Description:        v.Description,
		Owner:              v.Owner,
		Scopes:             v.Scopes,
		Hint:               pat.Prefix + string(v.ID) + "…",
		Status:             string(v.Status),
		CreatedAt:          stamp(v.CreatedAt),
		ExpiresAt:          stampOrNull(v.ExpiresAt),
		EffectiveExpiresAt: stampOrNull(v.EndsAt),
		RotatedAt:          stampOrNull(v.RotatedAt),
		PreviousValidUntil: stampOrNull(v.PreviousEndsAt),
		LastUsedAt:         stampOrNull(v.LastUsedAt),
		RevokedAt:          stampOrNull(v.RevokedAt),
		AllowedCIDRs:       []string{},
		ScopesUsed:         append([]string{}, v.ScopesUsed...),
	}
	if v.LastUsedFrom.IsValid() {
		t.LastUsedIP = new(v.LastUsedFrom.String())
	}
	for _, n := range v.AllowedCIDRs {
		t.AllowedCIDRs = append(t.AllowedCIDRs, n.String())
	}
	return t
}

// stamp writes a time as every answer has it: RFC 3339, UTC, whole seconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func stampOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(stamp(t))
}

// endHeader tells whoever uses a token or a JWT of ours when it ends.
func endHeader(end time.Time) map[string]string {
	if end.IsZero() {
		return nil
	}
	return map[string]string{"Counterfoil-Token-Expires": stamp(end)}
}
