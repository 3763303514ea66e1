// The life cycle's door: what each verb does, as tasks over the drivers.

export { LIFECYCLE_ERRORS } from './errors.ts';
export { createLifecycle, type LifecycleOptions, lifecycleTasks } from './lifecycle.ts';
export type { AskedStep, Lifecycle, ProvisionRequest, Validation } from './seam.ts';
export { RESERVED_STEPS, stepInterfaces, type WalkKind } from './steps-decide.ts';
export { allowedOn, type PlanUse } from './wipe-decide.ts';
export { installedOn } from './wipe-use.ts';
export type { LifecycleConfig, WorkDeps } from './work.ts';
export { errorText } from './work.ts';
