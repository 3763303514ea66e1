// Every step that pipelines may name: one line each. A file beside this one that is not listed here fails the tests.

import type { PipelineStep } from '../seam.ts';

export const STEPS: readonly PipelineStep[] = [];
