// The reservations' door: who has a claim on which machine. Knows nothing of what is then done with it.

export { type AllocationRequest, type Allocations, type AllocationsOptions, createAllocations } from './allocations.ts';
export { RESERVATION_ERRORS } from './errors.ts';
export type { Holders } from './match.ts';
export { ALLOCATION_STATES, type Allocation, type AllocationState } from './model.ts';
