import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import type { Token } from '../api/client';
import { useNow } from '../app/now';
import { type Texts, useTexts } from '../texts/use';
import { type Standing, standingOf } from './standing';

const icons: Record<Standing['kind'], StatusIndicatorProps.Type> = {
  active: 'success',
  expiring: 'warning',
  expired: 'stopped',
  revoked: 'error',
  disabled: 'pending',
};

export function statusText({ t }: Texts, standing: Standing): string {
  return standing.kind === 'expiring' ? t('status.expiring', { days: standing.days }) : t(`status.${standing.kind}`);
}

/** How a token stands: text, icon and colour. */
export function Status({ token }: { token: Token }) {
  const texts = useTexts();
  const standing = standingOf(token, useNow());
  return (
    <StatusIndicator type={icons[standing.kind]} wrapText={false}>
      {statusText(texts, standing)}
    </StatusIndicator>
  );
}
