import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useRef, useState } from 'react';
import { updateToken } from '../api/change';
import type { Token, TokenUpdate } from '../api/client';
import { asFailure, type Failure } from '../api/failure';
import { useApi, useChanged, useLimits, useScopes } from '../api/use';
import { dayOf } from '../app/Moment';
import { useTell } from '../app/notices';
import { ExpiryField } from '../create/ExpiryField';
import { MoreFields, NameFields, wordsOf } from '../create/Fields';
import { useFocusFirst } from '../create/focus';
import { Refused } from '../create/Refused';
import { useTexts } from '../texts/use';
import { CatalogueText } from '../tokens/CatalogueText';
import { type Draft, type Mistakes, mistakesIn, mistakesOf, networksOf, requestOf } from '../tokens/draft';
import { NO_POLICY } from '../tokens/expiry';

interface Props {
  token: Token;
  /** The permissions that are chosen at first: of the token's own. */
  scopes: string[];
  close(): void;
}

/** Changes a token: everything but its value. Permissions can only be taken away. */
export function EditForm({ token: current, scopes, close }: Props) {
  // As it was when the form was opened: what is read again meanwhile is no change of this person's.
  const [token] = useState(current);
  const texts = useTexts();
  const { t, intl } = texts;
  const { api } = useApi();
  const tell = useTell();
  const policy = useLimits().data ?? NO_POLICY;
  const changed = useChanged();
  const catalogue = useScopes();
  const [draft, setDraft] = useState<Draft>({
    name: token.name,
    description: token.description,
    scopes,
    expiry: { kind: 'never' },
    networks: token.allowed_cidrs.join('\n'),
  });
  // Its end stays as it is until the person says otherwise.
  const [redate, setRedate] = useState(false);
  const [mistakes, setMistakes] = useState<Mistakes>({});
  const [failure, setFailure] = useState<{ is: Failure; rest: string[] } | null>(null);
  const [busy, setBusy] = useState(false);
  const sending = useRef(false);
  useFocusFirst(mistakes);
  const created = Date.parse(token.created_at);
  const change = (part: Partial<Draft>) => setDraft((d) => ({ ...d, ...part }));

  const submit = async () => {
    if (sending.current) return;
    setFailure(null);
    const now = Date.now();
    const found = mistakesIn(draft, policy, now, created);
    if (!redate) delete found.expires_at;
    setMistakes(found);
    if (Object.keys(found).length > 0) return;
    sending.current = true;
    setBusy(true);
    try {
      const update = changesOf(token, draft);
      if (redate) update.expires_at = requestOf(draft, policy, now, created).expires_at;
      await changed(await updateToken(api, token.id, update));
      tell('success', t('edit.done', { name: draft.name.trim() }));
      close();
    } catch (thrown) {
      const is = asFailure(thrown);
      const { mistakes: refused, rest } = mistakesOf(is.fields);
      if (is.code === 'name_taken') refused.name = { text: 'mistake.name.taken' };
      setMistakes(refused);
      setFailure({ is, rest });
    } finally {
      sending.current = false;
      setBusy(false);
    }
  };

  const now =
    token.expires_at === null ? t('expiry.words.never') : t('expiry.words', { day: dayOf(intl, token.expires_at) });
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" onClick={close}>
              {t('cancel')}
            </Button>
            <Button variant="primary" formAction="submit" loading={busy} loadingText={t('edit.busy')}>
              {t('save')}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <Container>
            <SpaceBetween size="l">
              <NameFields draft={draft} mistakes={mistakes} change={change} />
              <FormField label={t('token.expires')} description={now}>
                <Checkbox checked={redate} onChange={({ detail }) => setRedate(detail.checked)}>
                  {t('edit.redate')}
                </Checkbox>
              </FormField>
              {redate && (
                <ExpiryField
                  expiry={draft.expiry}
                  policy={policy}
                  created={created}
                  error={wordsOf(texts, mistakes, 'expires_at')}
                  change={(expiry) => change({ expiry })}
                />
              )}
            </SpaceBetween>
          </Container>
          <Container>
            <SpaceBetween size="l">
              <FormField
                label={t('permissions.title')}
                description={t('edit.scopes.what')}
                errorText={wordsOf(texts, mistakes, 'scopes')}
                stretch
              >
                <div data-field="scopes">
                  <SpaceBetween size="xs">
                    {token.scopes.map((name) => (
                      <Checkbox
                        key={name}
                        checked={draft.scopes.includes(name)}
                        description={
                          <CatalogueText>{catalogue.data?.find((s) => s.name === name)?.description}</CatalogueText>
                        }
                        onChange={({ detail }) =>
                          change({
                            scopes: token.scopes.filter((s) =>
                              s === name ? detail.checked : draft.scopes.includes(s),
                            ),
                          })
                        }
                      >
                        <span className="code">{name}</span>
                      </Checkbox>
                    ))}
                  </SpaceBetween>
                </div>
              </FormField>
              {draft.scopes.length < token.scopes.length && <Alert type="warning">{t('edit.scopes.lost')}</Alert>}
              <MoreFields draft={draft} mistakes={mistakes} change={change} />
            </SpaceBetween>
          </Container>
          {failure && <Refused title={t('edit.failed')} failure={failure.is} rest={failure.rest} submit={submit} />}
        </SpaceBetween>
      </Form>
    </form>
  );
}

/** Only what the person changed is sent: what another tab changed meanwhile stays. */
function changesOf(token: Token, draft: Draft): TokenUpdate {
  const update: TokenUpdate = {};
  if (draft.name.trim() !== token.name) update.name = draft.name.trim();
  if (draft.description !== token.description) update.description = draft.description;
  if (draft.scopes.length !== token.scopes.length) update.scopes = draft.scopes;
  const networks = networksOf(draft.networks);
  if (networks.join(' ') !== token.allowed_cidrs.join(' ')) update.allowed_cidrs = networks;
  return update;
}
