/** Words in names of averaged weights: `model_ema`, `ema_state_dict`, `swa`, `teacher`. */
export const averaged = /(?:^|[^a-z])(?:ema|swa|teacher|avg|averaged?)(?:[^a-z]|$)/i;
