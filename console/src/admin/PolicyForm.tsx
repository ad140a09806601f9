import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Form from '@cloudscape-design/components/form';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { previewPolicy, readPolicy, setPolicy } from '../api/change';
import type { PolicyPreview, TokenPolicy } from '../api/client';
import { asFailure, type Failure } from '../api/failure';
import { useApi } from '../api/use';
import { Confirm } from '../app/Confirm';
import { FailureAlert } from '../app/FailureAlert';
import { useLeaveGuard } from '../app/leave';
import { useTell } from '../app/notices';
import { useFocusFirst } from '../create/focus';
import { useTexts } from '../texts/use';
import {
  draftOf,
  mistakesIn,
  POLICY_FIELDS,
  type PolicyDraft,
  type PolicyMistakes,
  policyOf,
  rebased,
  refusedFields,
  samePolicy,
} from './draft';
import { PolicyFields } from './PolicyFields';
import { Stops, stopsNothing } from './Stops';

type Step = 'preview' | 'save';

/** Changes the policy. What it would stop is asked before, and shown before anything is saved. */
export function PolicyForm({ policy }: { policy: TokenPolicy }) {
  const { t } = useTexts();
  const { api } = useApi();
  const tell = useTell();
  const queries = useQueryClient();
  const [saved, setSaved] = useState(policy);
  const [draft, setDraft] = useState<PolicyDraft>(() => draftOf(policy));
  const [mistakes, setMistakes] = useState<PolicyMistakes>({});
  const [preview, setPreview] = useState<PolicyPreview | null>(null);
  const [asking, setAsking] = useState<PolicyPreview | null>(null);
  const [failure, setFailure] = useState<{ is: Failure; rest: string[]; step: Step } | null>(null);
  const [meanwhile, setMeanwhile] = useState(false);
  const [busy, setBusy] = useState<Step | null>(null);
  const sending = useRef(false);
  useFocusFirst(mistakes, POLICY_FIELDS);
  const guard = useLeaveGuard(JSON.stringify(draft) !== JSON.stringify(draftOf(saved)), t('leave.policy'));

  const change = (part: Partial<PolicyDraft>) => {
    setDraft((d) => ({ ...d, ...part }));
    setPreview(null); // that was another policy
  };
  const refused = (thrown: unknown, step: Step) => {
    const is = asFailure(thrown);
    const { mistakes: found, rest } = refusedFields(is.fields);
    setMistakes(found);
    setFailure({ is, rest, step });
  };
  const save = async () => {
    // It has no version and is replaced whole: what another administrator saved since
    // would be undone unseen. Who writes between this look and the next call is not seen.
    const there = await readPolicy(api);
    if (!samePolicy(there, saved)) {
      setSaved(there);
      setDraft((d) => rebased(d, saved, there));
      setPreview(null);
      setMeanwhile(true);
      return;
    }
    const now = await setPolicy(api, policyOf(draft));
    setSaved(now);
    setDraft(draftOf(now));
    setPreview(null);
    queries.setQueryData(['admin', 'policy'], now);
    tell('success', t('policy.saved'));
    void queries.invalidateQueries(); // it changes what every page says
  };

  /** Both begin alike: nothing is saved before it is known what it stops. */
  const go = async (step: Step) => {
    if (sending.current) return;
    setFailure(null);
    setMeanwhile(false);
    setPreview(null);
    const found = mistakesIn(draft);
    setMistakes(found);
    if (Object.keys(found).length > 0) return;
    sending.current = true;
    setBusy(step);
    try {
      const stops = await previewPolicy(api, policyOf(draft));
      if (step === 'preview') setPreview(stops);
      else if (stopsNothing(stops)) await save();
      else setAsking(stops);
    } catch (thrown) {
      refused(thrown, step);
    } finally {
      sending.current = false;
      setBusy(null);
    }
  };

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void go('save');
      }}
    >
      {guard}
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button formAction="none" loading={busy === 'preview'} onClick={() => void go('preview')}>
              {t('policy.preview')}
            </Button>
            <Button variant="primary" formAction="submit" loading={busy === 'save'} loadingText={t('edit.busy')}>
              {t('save')}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <Box variant="p">{t('policy.what')}</Box>
          <PolicyFields draft={draft} mistakes={mistakes} change={change} />
          {preview && (
            <div role="status">
              <Alert type={stopsNothing(preview) ? 'success' : 'warning'}>
                <Stops preview={preview} />
              </Alert>
            </div>
          )}
          {meanwhile && (
            <div role="alert">
              <Alert type="warning">{t('policy.meanwhile')}</Alert>
            </div>
          )}
          {failure && (
            <FailureAlert
              title={failure.step === 'save' ? t('policy.failed') : t('policy.preview.failed')}
              thrown={failure.is}
              retry={failure.is.passing ? () => void go(failure.step) : undefined}
            >
              {failure.rest.map((line) => (
                <div key={line} lang="en">
                  {line}
                </div>
              ))}
            </FailureAlert>
          )}
        </SpaceBetween>
      </Form>
      {asking && (
        <Confirm
          title={t('policy.confirm')}
          act={t('save')}
          close={() => setAsking(null)}
          run={async () => {
            try {
              await save();
            } catch (thrown) {
              if (asFailure(thrown).fields.length === 0) throw thrown;
              refused(thrown, 'save'); // it is the fields that have to change
            }
          }}
          failed={(is) => <FailureAlert title={t('policy.failed')} thrown={is} />}
        >
          <Alert type="warning">
            <Stops preview={asking} />
          </Alert>
          <Box variant="p">{t('policy.confirm.what')}</Box>
        </Confirm>
      )}
    </form>
  );
}
