import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Modal from '@cloudscape-design/components/modal';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useRef, useState } from 'react';
import { type Issued, rotateToken } from '../api/change';
import { answer, type Token } from '../api/client';
import { asFailure, type Failure } from '../api/failure';
import { useApi, useChanged } from '../api/use';
import { FailureAlert } from '../app/FailureAlert';
import { useLeaveGuard } from '../app/leave';
import { useTexts } from '../texts/use';

const GRACES = [
  { seconds: 0, text: 'grace.now' },
  { seconds: 3600, text: 'grace.hour' },
  { seconds: 86_400, text: 'grace.day' },
  { seconds: 604_800, text: 'grace.week' },
] as const;

/** Gives a token a new value: how long does the old one go on? */
export function RotateDialog({
  token,
  rotated,
  close,
}: {
  token: Token;
  rotated(issued: Issued): void;
  close(): void;
}) {
  const { t } = useTexts();
  const { api } = useApi();
  const changed = useChanged();
  const [grace, setGrace] = useState(86_400);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const sending = useRef(false);
  const guard = useLeaveGuard(busy, t('leave.rotating'));

  // Once an answer was lost, every attempt after it has to ask first what became of it.
  const [lost, setLost] = useState(false);
  // As it was before the first attempt: the page may read the token again meanwhile.
  const before = useRef<string | null>(null);

  const rotate = async () => {
    if (sending.current) return;
    sending.current = true;
    setBusy(true);
    if (!lost) before.current = token.rotated_at;
    try {
      const keepPrevious = lost && (await wasRotated());
      const issued = await rotateToken(api, token.id, { graceSeconds: grace, keepPrevious });
      void changed(issued.token);
      rotated(issued);
    } catch (thrown) {
      const is = asFailure(thrown);
      if (is.code === 'no_answer') setLost(true);
      setFailure(is);
    } finally {
      sending.current = false;
      setBusy(false);
    }
  };

  /**
   * Finds out whether a rotation whose answer was lost has happened. If so, the
   * value before it goes on as it was, and the one nobody saw is replaced;
   * if not, keep_previous would end the value that is in use.
   */
  const wasRotated = async () => {
    const { rotated_at, previous_valid_until } = await answer(
      api.GET('/tokens/{id}', { params: { path: { id: token.id } } }),
    );
    return rotated_at !== before.current && previous_valid_until !== null;
  };

  return (
    <Modal
      visible
      onDismiss={() => {
        if (!busy) close();
      }}
      header={t('rotate.title', { name: token.name })}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" disabled={busy} onClick={close}>
              {t('cancel')}
            </Button>
            <Button variant="primary" loading={busy} loadingText={t('rotate.busy')} onClick={() => void rotate()}>
              {lost ? t('rotate.again') : t('rotate')}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      {guard}
      <SpaceBetween size="m">
        <Box variant="p">{t('rotate.what')}</Box>
        <FormField label={t('grace.title')}>
          <RadioGroup
            value={String(grace)}
            items={GRACES.map((g) => ({ value: String(g.seconds), label: t(g.text), disabled: lost }))}
            onChange={({ detail }) => setGrace(Number(detail.value))}
          />
        </FormField>
        {grace === 0 && <Alert type="warning">{t('grace.now.what')}</Alert>}
        {failure && (
          <FailureAlert title={t('rotate.failed')} thrown={failure}>
            {lost && <div>{t('rotate.lost')}</div>}
          </FailureAlert>
        )}
      </SpaceBetween>
    </Modal>
  );
}
