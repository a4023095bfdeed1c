export const degrees = (celsius) => `${celsius.toFixed(1)} °C`
