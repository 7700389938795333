import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Tuning: how fovea bench calibrate measures","description":"","frontmatter":{},"headers":[],"relativePath":"lab/tuning.md","filePath":"lab/tuning.md"}');
const _sfc_main = { name: "lab/tuning.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="tuning-how-fovea-bench-calibrate-measures" tabindex="-1">Tuning: how <code>fovea bench calibrate</code> measures <a class="header-anchor" href="#tuning-how-fovea-bench-calibrate-measures" aria-label="Permalink to &quot;Tuning: how \`fovea bench calibrate\` measures&quot;">​</a></h1><p><code>Tuning</code> (<code>src/engines/ort/tuning.ts</code>), an option of <code>ortEngine</code>:</p><table tabindex="0"><thead><tr><th>entry</th><th>meaning</th><th>default</th></tr></thead><tbody><tr><td data-label="entry"><code>fewImages</code></td><td data-label="meaning">batches up to this size are lowered plain; 0 for never</td><td data-label="default">0</td></tr><tr><td data-label="entry"><code>winograd</code></td><td data-label="meaning">per output tile: the largest map side at which <a href="/lab/winograd">Winograd&#39;s algorithm</a> is faster, by min(in, out channels). 4×4 tiles round more and need <code>ortEngine({ winogradTile: 4 })</code></td><td data-label="default"><code>2</code>: 128: 0; 256: 14; 512: 16. <code>4</code>: 64: 0; 128, 256 and 512: 16</td></tr><tr><td data-label="entry"><code>winograd.positions</code></td><td data-label="meaning">the fewest positions, images · height · width</td><td data-label="default">512</td></tr></tbody></table><p>Do not calibrate in the middle of a training that must resume bit for bit.</p><p><code>fovea bench calibrate</code> times one training step under two or three lowerings, round-robin, for three seconds or three rounds. In a round each runs for 50 ms, at least three times; the first run is a warm-up (after another engine&#39;s runs it takes up to half as long again), and the fastest of the others counts. Times are medians in milliseconds; the ratio is the median of the ratios within a round. A limit is set where the cumulative log ratio is smallest, so that one noisy ratio does not decide; gains below 3 % do not count.</p><p>The result is stored in the cache folder, for the processor&#39;s model, the number of threads and the versions of ONNX Runtime and Fovea. A damaged file is ignored with a line on standard error; <code>--reset</code> removes it.</p><p>The first of two runs on a virtual machine (AMD EPYC with AVX-512, two cores, other processes stopped), 53 seconds:</p><div class="language-text vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">text</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span>resnet20 on images of 32×32</span></span>
<span class="line"><span></span></span>
<span class="line"><span>images    plain  blocked  ratio  chosen</span></span>
<span class="line"><span>────────  ───────  ───────  ─────  ───────</span></span>
<span class="line"><span>       1     11.1      7.9  1.39   blocked</span></span>
<span class="line"><span>       2     14.0      8.6  1.33   blocked</span></span>
<span class="line"><span>       4     18.4     12.8  1.42   blocked</span></span>
<span class="line"><span>       8     45.4     28.3  1.65   blocked</span></span>
<span class="line"><span></span></span>
<span class="line"><span>one 3×3 convolution, 16 images, direct and by Winograd&#39;s algorithm</span></span>
<span class="line"><span></span></span>
<span class="line"><span>tiles  channels  side  Winograd   direct  ratio  chosen</span></span>
<span class="line"><span>─────  ────────  ────  ────────  ───────  ─────  ───────────────────</span></span>
<span class="line"><span>2×2          64    16     14.1       9.4  1.47   direct</span></span>
<span class="line"><span>4×4          64    16     16.9       9.4  1.74   direct</span></span>
<span class="line"><span>2×2          64    32     49.1      23.4  2.11   direct</span></span>
<span class="line"><span>4×4          64    32     37.3      23.4  1.64   direct</span></span>
<span class="line"><span>2×2         128     8     12.8      11.0  1.39   direct</span></span>
<span class="line"><span>4×4         128     8      9.9      11.0  0.81   where it is allowed</span></span>
<span class="line"><span>2×2         128    16     31.1      23.0  1.32   direct</span></span>
<span class="line"><span>4×4         128    16     27.1      23.0  1.16   direct</span></span>
<span class="line"><span>2×2         128    32    118.6      80.2  1.47   direct</span></span>
<span class="line"><span>4×4         128    32     76.4      80.2  0.91   direct</span></span>
<span class="line"><span>2×2         256     8     17.5      20.5  0.84   Winograd</span></span>
<span class="line"><span>4×4         256     8     23.8      20.5  1.06   where it is allowed</span></span>
<span class="line"><span>2×2         256    16     59.4      70.8  0.84   Winograd</span></span>
<span class="line"><span>4×4         256    16     40.3      70.8  0.56   where it is allowed</span></span>
<span class="line"><span>2×2         512     4     30.2      30.5  0.95   Winograd</span></span>
<span class="line"><span>4×4         512     4     31.6      30.5  0.98   where it is allowed</span></span>
<span class="line"><span>2×2         512     8     60.3      75.6  0.81   Winograd</span></span>
<span class="line"><span>4×4         512     8     50.2      75.6  0.67   where it is allowed</span></span>
<span class="line"><span>2×2         512    16    220.8     298.0  0.74   Winograd</span></span>
<span class="line"><span>4×4         512    16    159.8     298.0  0.54   where it is allowed</span></span></code></pre></div><p>Both runs chose <code>fewImages: 0</code>, sides of 16 for 256 and 512 channels with both tiles, and 0 for 64; they differ at 128, where steps are short and ratios vary. Blocking is faster from one image on in other networks too: plain over blocked time with 1, 2 and 4 images was 1.50, 1.57 and 1.65 for ResNet-18 at 32×32, 1.36, 1.52 and 1.86 for MobileNetV2 at 96×96, 1.16, 1.17 and 1.49 for ResNet-50 at 96×96. The one exception found: ResNet-50 with one 224×224 image takes 1.1 times as long.</p><p>There are no entries per kind of layer. Three layers of one kind with batch norm and ReLU, forward, backward and update, at batch 16, took 0.1 to 1.07 of the plain time when blocked: 3×3 with 8 to 512 channels on 2×2 to 56×56, 1×1, depthwise 5×5 and 7×7, groups of 4, 8 and 16 channels, stride 2, dilation. Closest to plain are groups of 4 channels, which cannot be blocked (0.96 and 1.07), and 8 to 24 channels (0.77 to 1.01); fastest are depthwise ones (0.11 to 0.28).</p><p>Also measured: on 2 million numbers of random sign, two threads, in WebAssembly, <code>Relu</code> takes 5.9 ms, <code>Clip</code> 6.4, <code>Max</code> 0.3, because the first two branch per element. Updating state in place, against copying, at equal losses:</p><table tabindex="0"><thead><tr><th>network, batch</th><th>time of a step</th><th>peak memory</th></tr></thead><tbody><tr><td>ResNet-18, 32</td><td>0.96</td><td>622 → 485 MiB</td></tr><tr><td>ResNet-18 + CBAM, 32</td><td>0.96</td><td>748 → 611 MiB</td></tr><tr><td>ResNet-20, 128</td><td>0.96</td><td>556 → 554 MiB</td></tr></tbody></table></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("lab/tuning.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const tuning = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  tuning as default
};
