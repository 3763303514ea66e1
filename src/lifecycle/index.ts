// The life cycle's door: what each verb does, as tasks over the drivers.

export type { AskedStep, Lifecycle, ProvisionRequest, Validation } from './seam.ts';
