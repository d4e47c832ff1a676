/* What the machine can do at most: numbers streamed from two big arrays, one added into a random place of a third for each.
 *
 *     w[idx[k]] += g[k]
 *
 * idx is uint32 and g float32, both read once and in order, as a row of synapses is; w is the target.  This is the inner loop of
 * spike delivery without rows, delays, spikes and simulator.  Compiled and called by limits.py.
 */

#include <stdint.h>

void add_float64(double *restrict w, const uint32_t *restrict idx, const float *restrict g, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        w[idx[k]] += (double)g[k];
}

void add_float32(float *restrict w, const uint32_t *restrict idx, const float *restrict g, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        w[idx[k]] += g[k];
}
