/** What moving averages of weights are called, as a part of a name: `model_ema`, `ema_state_dict`, `swa`, `teacher`. */
export const averaged = /(?:^|[^a-z])(?:ema|swa|teacher|avg|averaged?)(?:[^a-z]|$)/i;
