package sarif

// The wire types are the part of the standard that is read and written. They
// are pointers where an absent value means another thing than a zero: an
// absent ruleIndex is not rule 0.

type wireLog struct {
	Schema  string    `json:"$schema,omitempty"`
	Version string    `json:"version"`
	Runs    []wireRun `json:"runs"`
}

type wireRun struct {
	Tool struct {
		Driver     wireComponent   `json:"driver"`
		Extensions []wireComponent `json:"extensions,omitempty"`
	} `json:"tool"`
	Bases       map[string]wireArtifact `json:"originalUriBaseIds,omitempty"`
	Artifacts   []wireFile              `json:"artifacts,omitempty"`
	Invocations []wireInvocation        `json:"invocations,omitempty"`
	ColumnKind  string                  `json:"columnKind,omitempty"`
	Results     []wireResult            `json:"results"`
}

type wireComponent struct {
	Name            string                 `json:"name"`
	Version         string                 `json:"version,omitempty"`
	SemanticVersion string                 `json:"semanticVersion,omitempty"`
	InformationURI  string                 `json:"informationUri,omitempty"`
	GlobalMessages  map[string]wireMessage `json:"globalMessageStrings,omitempty"`
	Rules           []wireRule             `json:"rules,omitempty"`
}

type wireRule struct {
	ID            string                 `json:"id"`
	Name          string                 `json:"name,omitempty"`
	Short         *wireMessage           `json:"shortDescription,omitempty"`
	Full          *wireMessage           `json:"fullDescription,omitempty"`
	Help          *wireMessage           `json:"help,omitempty"`
	HelpURI       string                 `json:"helpUri,omitempty"`
	Messages      map[string]wireMessage `json:"messageStrings,omitempty"`
	Configuration *wireConfiguration     `json:"defaultConfiguration,omitempty"`
	Properties    map[string]any         `json:"properties,omitempty"`
	Relationships []wireRelationship     `json:"relationships,omitempty"`
}

type wireRelationship struct {
	Target wireTaxon `json:"target"`
}

type wireTaxon struct {
	ID        string `json:"id,omitempty"`
	Component struct {
		Name string `json:"name,omitempty"`
	} `json:"toolComponent,omitzero"`
}

type wireConfiguration struct {
	Level Level `json:"level,omitempty"`
}

type wireMessage struct {
	Text      string   `json:"text,omitempty"`
	Markdown  string   `json:"markdown,omitempty"`
	ID        string   `json:"id,omitempty"`
	Arguments []string `json:"arguments,omitempty"`
}

type wireFile struct {
	Location wireArtifact `json:"location"`
}

type wireArtifact struct {
	URI       string `json:"uri,omitempty"`
	URIBaseID string `json:"uriBaseId,omitempty"`
	Index     *int   `json:"index,omitempty"`
}

type wireInvocation struct {
	Successful    *bool              `json:"executionSuccessful,omitempty"`
	ExitReason    string             `json:"exitCodeDescription,omitempty"`
	Notifications []wireNotification `json:"toolExecutionNotifications,omitempty"`
}

type wireNotification struct {
	Level   Level       `json:"level,omitempty"`
	Message wireMessage `json:"message"`
}

type wireResult struct {
	RuleID              string            `json:"ruleId,omitempty"`
	RuleIndex           *int              `json:"ruleIndex,omitempty"`
	Rule                *wireReference    `json:"rule,omitempty"`
	Kind                string            `json:"kind,omitempty"`
	Level               Level             `json:"level,omitempty"`
	Message             wireMessage       `json:"message"`
	Locations           []wireLocation    `json:"locations,omitempty"`
	Related             []wireLocation    `json:"relatedLocations,omitempty"`
	Fingerprints        map[string]string `json:"fingerprints,omitempty"`
	PartialFingerprints map[string]string `json:"partialFingerprints,omitempty"`
	BaselineState       string            `json:"baselineState,omitempty"`
	Suppressions        []wireSuppression `json:"suppressions,omitempty"`
	WebRequest          *wireRequest      `json:"webRequest,omitempty"`
	Properties          map[string]any    `json:"properties,omitempty"`
	Taxa                []wireTaxon       `json:"taxa,omitempty"`
}

type wireReference struct {
	ID        string `json:"id,omitempty"`
	Index     *int   `json:"index,omitempty"`
	Component *struct {
		Index *int `json:"index,omitempty"`
	} `json:"toolComponent,omitempty"`
}

type wireLocation struct {
	Physical *wirePhysical `json:"physicalLocation,omitempty"`
	Logical  []wireLogical `json:"logicalLocations,omitempty"`
	Message  *wireMessage  `json:"message,omitempty"`
}

type wirePhysical struct {
	Artifact wireArtifact `json:"artifactLocation"`
	Region   *wireRegion  `json:"region,omitempty"`
}

type wireRegion struct {
	StartLine   int          `json:"startLine,omitempty"`
	StartColumn int          `json:"startColumn,omitempty"`
	EndLine     int          `json:"endLine,omitempty"`
	EndColumn   int          `json:"endColumn,omitempty"`
	Snippet     *wireMessage `json:"snippet,omitempty"`
}

type wireLogical struct {
	Name               string `json:"name,omitempty"`
	FullyQualifiedName string `json:"fullyQualifiedName,omitempty"`
}

type wireSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status,omitempty"`
	Justification string `json:"justification,omitempty"`
}

type wireRequest struct {
	Method string `json:"method,omitempty"`
	Target string `json:"target,omitempty"`
}
