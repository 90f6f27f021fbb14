export const loadChart = (): Promise<typeof import('./chart')> => import('./chart');
