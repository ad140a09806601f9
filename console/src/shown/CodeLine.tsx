import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import LiveRegion from '@cloudscape-design/components/live-region';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useId, useRef, useState } from 'react';
import { useTexts } from '../texts/use';

interface Props {
  label: string;
  shown: string;
  /** What is copied, where that is more than what is shown. */
  copies?: string;
  copied?: () => void;
  primary?: boolean;
}

/** A line to copy. What is announced says that it was copied, never what. */
export function CodeLine({ label, shown, copies = shown, copied, primary }: Props) {
  const { t } = useTexts();
  const id = useId();
  const code = useRef<HTMLElement>(null);
  const [state, setState] = useState<'' | 'copied' | 'failed'>('');

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(copies);
      setState('copied');
      copied?.();
    } catch {
      // No right to the clipboard: the person copies by hand what is marked.
      if (code.current) window.getSelection()?.selectAllChildren(code.current);
      setState('failed');
    }
  };

  return (
    <SpaceBetween size="xxs">
      <Box variant="awsui-key-label">
        <span id={id}>{label}</span>
      </Box>
      {/* biome-ignore lint/a11y/useSemanticElements: a group of a line and its button, not of fields */}
      <div className="copy-line" role="group" aria-labelledby={id}>
        <code ref={code} className="code code-box" translate="no" spellCheck={false} onCopy={copied}>
          {shown}
        </code>
        <Button
          variant={primary ? 'primary' : 'normal'}
          iconName="copy"
          ariaLabel={t('copy.what', { what: label })}
          onClick={() => void copy()}
        >
          {t('copy')}
        </Button>
      </div>
      <LiveRegion>
        {state === 'copied' && <StatusIndicator type="success">{t('copied')}</StatusIndicator>}
        {state === 'failed' && <StatusIndicator type="warning">{t('copy.failed')}</StatusIndicator>}
      </LiveRegion>
    </SpaceBetween>
  );
}
