// What we use of a figure that Plotly has drawn; names with an underscore are Plotly's own notes, not documented.

export interface Figure extends HTMLElement {
  data?: Trace[];
  calcdata?: any[];
  on?(event: string, listener: () => void): void;
  _ev?: object;
  _fullData?: Trace[];
  _fullLayout?: any;
}

export interface Trace {
  type: string;
  visible?: boolean | "legendonly";
  xaxis?: string;
  yaxis?: string;
  y0?: number;
  z?: ArrayLike<ArrayLike<number>>;
  meta?: any;
  customdata?: any;
  hovertemplate?: string;
  _arrayAttrs?: string[];
}
