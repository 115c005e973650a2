// What the report uses of Apache ECharts: build.sh makes echarts.min.js of it.
import { use } from 'echarts/core';
import { BarChart, HeatmapChart, LineChart, SankeyChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendPlainComponent, MarkAreaComponent, TooltipComponent, VisualMapContinuousComponent } from 'echarts/components';
import { SVGRenderer } from 'echarts/renderers';

use([
  BarChart, HeatmapChart, LineChart, SankeyChart,
  AriaComponent, GridComponent, LegendPlainComponent, MarkAreaComponent, TooltipComponent, VisualMapContinuousComponent,
  SVGRenderer,
]);

export { init } from 'echarts/core';
