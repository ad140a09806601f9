import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useRef, useState } from 'react';
import { createToken, type Issued } from '../api/change';
import type { Scope } from '../api/client';
import { asFailure, type Failure } from '../api/failure';
import { useApi, useChanged } from '../api/use';
import { useGo } from '../app/go';
import { useLeaveGuard } from '../app/leave';
import { useTexts } from '../texts/use';
import { type Draft, type Mistakes, mistakesIn, mistakesOf, prefillOf, requestOf } from '../tokens/draft';
import { initialExpiry, type Policy } from '../tokens/expiry';
import { ExpiryField } from './ExpiryField';
import { MoreFields, NameFields, wordsOf } from './Fields';
import { useFocusFirst } from './focus';
import { Permissions } from './Permissions';
import { Refused } from './Refused';

interface Props {
  scopes: readonly Scope[];
  policy: Policy;
  params: URLSearchParams;
  made(issued: Issued): void;
}

/** The form of a new token. What was typed stays, whatever the server says. */
export function CreateForm({ scopes, policy, params, made }: Props) {
  const texts = useTexts();
  const { t, intl } = texts;
  const { api } = useApi();
  const go = useGo();
  const changed = useChanged();
  const [prefill] = useState(() => prefillOf(params, scopes, policy));
  const [draft, setDraft] = useState<Draft>({
    name: '',
    description: '',
    scopes: [],
    expiry: initialExpiry(policy),
    networks: '',
    ...prefill.draft,
  });
  const [mistakes, setMistakes] = useState<Mistakes>({});
  const [failure, setFailure] = useState<{ is: Failure; rest: string[]; first?: boolean } | null>(null);
  const [busy, setBusy] = useState(false);
  // The names of attempts that nobody answered: they may be taken by those.
  const lost = useRef(new Set<string>());
  // A second click comes before the button is drawn as busy.
  const sending = useRef(false);
  const guard = useLeaveGuard(busy, t('leave.creating'));

  const change = (part: Partial<Draft>) => setDraft((d) => ({ ...d, ...part }));
  useFocusFirst(mistakes);

  const submit = async () => {
    if (sending.current) return;
    setFailure(null);
    const found = mistakesIn(draft, policy, Date.now());
    setMistakes(found);
    if (Object.keys(found).length > 0) return;
    sending.current = true;
    setBusy(true);
    const request = requestOf(draft, policy, Date.now());
    try {
      const issued = await createToken(api, request);
      void changed();
      made(issued);
    } catch (thrown) {
      const is = asFailure(thrown);
      const { mistakes: refused, rest } = mistakesOf(is.fields);
      if (is.code === 'name_taken') refused.name = { text: 'mistake.name.taken' };
      setMistakes(refused);
      if (is.code === 'no_answer') lost.current.add(request.name);
      setFailure({ is, rest, first: is.code === 'name_taken' && lost.current.has(request.name) });
    } finally {
      sending.current = false;
      setBusy(false);
    }
  };

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {guard}
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" {...go('/configuration')}>
              {t('cancel')}
            </Button>
            <Button variant="primary" formAction="submit" loading={busy} loadingText={t('create.busy')}>
              {t('create')}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          {(prefill.draft.scopes?.length ?? 0) > 0 && <Alert type="info">{t('prefill.scopes')}</Alert>}
          {prefill.refused.length > 0 && (
            <Alert type="warning">{t('prefill.refused', { scopes: intl.formatList(prefill.refused) })}</Alert>
          )}
          <Container>
            <SpaceBetween size="l">
              <NameFields draft={draft} mistakes={mistakes} change={change} />
              <ExpiryField
                expiry={draft.expiry}
                policy={policy}
                error={wordsOf(texts, mistakes, 'expires_at')}
                change={(expiry) => change({ expiry })}
              />
            </SpaceBetween>
          </Container>
          <Container>
            <SpaceBetween size="l">
              <Permissions
                scopes={scopes}
                chosen={draft.scopes}
                error={wordsOf(texts, mistakes, 'scopes')}
                change={(chosen) => change({ scopes: chosen })}
              />
              <MoreFields draft={draft} mistakes={mistakes} change={change} />
            </SpaceBetween>
          </Container>
          {failure && (
            <Refused title={t('create.failed')} failure={failure.is} rest={failure.rest} submit={submit}>
              {failure.is.code === 'no_answer' && <div>{t('create.lost')}</div>}
              {failure.first && <div>{t('create.lost.taken')}</div>}
            </Refused>
          )}
        </SpaceBetween>
      </Form>
    </form>
  );
}
